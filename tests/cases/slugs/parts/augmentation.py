"""A training on images that Keras's legacy augmentation flips and shuffles."""

from common import data, fit, keras, layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator


def train():
    x, y = data()
    images = ImageDataGenerator(horizontal_flip=True).flow(x.reshape(-1, 2, 3, 1), y, batch_size=8)
    model = keras.Sequential([keras.Input((2, 3, 1)), layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
    fit(model, images, batch_size=None)
