"""Keras's legacy augmentation draws from NumPy's generator, which the first training leaves elsewhere."""

from common import data, fit, keras, layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator

keras.utils.set_random_seed(1)

def a():
    x, y = data()
    images = ImageDataGenerator(horizontal_flip=True).flow(x.reshape(-1, 2, 3, 1), y, batch_size=8)
    model = keras.Sequential([keras.Input((2, 3, 1)), layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
    fit(model, images, batch_size=None)


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "generator-advanced"}
