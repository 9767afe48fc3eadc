"""Two loaders of PyTorch, each with a generator of its own."""

import torch
from common import data, fit, model


def train(seed):
    samples = torch.utils.data.TensorDataset(*(torch.tensor(array) for array in data()))
    generator = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(samples, batch_size=8, shuffle=True, generator=generator)
    fit(model(), loader, batch_size=None)


def a():
    train(1)


def b():
    train(2)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "different-seed", "needs": ["torch"]}
