"""mnist-wgan-gp-paddlescience: Generator and Critic, written by wgangp-dist export.

The state dicts are the .safetensors files beside this one:

    generator = load("generator")    # ready for evaluation
    images = generator(torch.randn(16, *Generator.input_shape))
"""

import os
from collections import OrderedDict

import safetensors.torch
import torch
from torch import nn


class Reshape(nn.Module):
    """A sample's values in another shape."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, x):
        return x.reshape(len(x), *self.sizes)


class Crop(nn.Module):
    """A part of an image: so many pixels from a corner on."""

    def __init__(self, corner, sizes):
        super().__init__()
        self.parts = tuple(slice(a, a + n) for a, n in zip(corner, sizes))

    def forward(self, x):
        return x[(slice(None), slice(None), *self.parts)]


class Generator(nn.Sequential):
    """Takes (N, 128), gives (N, 1, 28, 28)."""

    input_shape = (128,)

    def __init__(self):
        super().__init__(OrderedDict([
            ("0", nn.Linear(128, 256)),
            ("1", nn.ReLU()),
            ("2", Reshape(16, 4, 4)),
            ("3", nn.ConvTranspose2d(16, 8, 5, stride=2)),
            ("crop_3", Crop((1, 1), (8, 8))),
            ("4", nn.ReLU()),
            ("5", Crop((0, 0), (7, 7))),
            ("6", nn.ConvTranspose2d(8, 4, 5, stride=2, padding=2, output_padding=1)),
            ("7", nn.ReLU()),
            ("8", nn.ConvTranspose2d(4, 1, 5, stride=2)),
            ("crop_8", Crop((1, 1), (28, 28))),
            ("9", nn.Sigmoid()),
        ]))


class Critic(nn.Sequential):
    """Takes (N, 1, 28, 28), gives (N, 1)."""

    input_shape = (1, 28, 28)

    def __init__(self):
        super().__init__(OrderedDict([
            ("pad_0", nn.ZeroPad2d((1, 2, 1, 2))),
            ("0", nn.Conv2d(1, 4, 5, stride=2)),
            ("1", nn.LeakyReLU(0.01)),
            ("pad_2", nn.ZeroPad2d((1, 2, 1, 2))),
            ("2", nn.Conv2d(4, 8, 5, stride=2)),
            ("3", nn.LeakyReLU(0.01)),
            ("4", nn.Conv2d(8, 16, 5, stride=2, padding=2)),
            ("5", nn.LeakyReLU(0.01)),
            ("6", nn.Flatten()),
            ("7", nn.Linear(256, 1)),
        ]))


NETWORKS = {"generator": Generator, "critic": Critic}


def load(name, folder=os.path.dirname(os.path.abspath(__file__))):
    """A network with its weights, in evaluation mode."""
    network = NETWORKS[name]()
    state = safetensors.torch.load_file(os.path.join(folder, name + ".safetensors"))
    network.load_state_dict(state)
    return network.eval()
