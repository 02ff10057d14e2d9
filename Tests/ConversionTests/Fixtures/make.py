"""Makes the fixtures of ConversionTests: weights as other programs write them, with random numbers,
and what the networks give for fixed noise.

    python3 make.py            # numpy 2.4, torch 2.13, safetensors 0.8

The Paddle files have the form of paddle.save (a pickled dictionary of numpy arrays and one of
parameter names) and the names of PaddleScience's examples/wgangp. Their networks are written here
once more, by their names, so that what is expected does not come from a map of names.
"""

import os
import pickle

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
random = np.random.RandomState(0)
folder = os.path.dirname(os.path.abspath(__file__))
expected = {}


def draw(*shape, scale=0.3):
    return (random.standard_normal(shape) * scale).astype("float32")


def write_paddle(name, weights, protocol):
    weights = dict(weights)
    weights["StructuredToParameterName@@"] = {k: f"param_{i}" for i, k in enumerate(weights)}
    with open(os.path.join(folder, name), "wb") as file:
        pickle.dump(weights, file, protocol=protocol)


def tensors(weights):
    return {name: torch.from_numpy(value) for name, value in weights.items()}


def linear(w, name, x):
    return x @ w[name + ".weight"] + w[name + ".bias"]  # inputs x outputs


def conv(w, name, x, **options):
    return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], **options)


def same(w, name, x):
    return conv(w, name, x, padding=w[name + ".weight"].shape[-1] // 2)


def add_conv(w, name, outputs, inputs, kernel):
    w[name + ".weight"] = draw(outputs, inputs, kernel, kernel)
    w[name + ".bias"] = draw(outputs)


# CIFAR-10


def conditional_norm(w, name, x, labels):
    x = (x - w[name + ".mean"].view(1, -1, 1, 1)) / torch.sqrt(
        w[name + ".var"].view(1, -1, 1, 1) + 1e-5
    )
    return x * w[name + ".scale"][labels][..., None, None] + w[name + ".offset"][labels][..., None, None]


def layer_norm(w, name, x):
    mean = x.mean((1, 2, 3), keepdim=True)
    var = x.var((1, 2, 3), keepdim=True)
    return (x - mean) / torch.sqrt(var + 1e-5) * w[name + ".scale"] + w[name + ".offset"]


def up(x):
    return F.pixel_shuffle(torch.cat([x, x, x, x], 1), 2)


def cifar10(dim=4):
    g = {"generator.linear1.weight": draw(128, 16 * dim), "generator.linear1.bias": draw(16 * dim)}
    for block in range(3):
        base = f"generator.ResidualBlocks.{block}."
        add_conv(g, base + "conv_shortcut.conv2D", dim, dim, 1)
        add_conv(g, base + "conv_1.conv2D", dim, dim, 3)
        add_conv(g, base + "conv_2", dim, dim, 3)
        for norm in ("normalize1.normalize", "normalize2.normalize"):
            g[f"{base}{norm}.scale"] = 1 + draw(10, dim)
            g[f"{base}{norm}.offset"] = draw(10, dim)
            g[f"{base}{norm}.mean"] = draw(dim)
            g[f"{base}{norm}.var"] = 1 + np.abs(draw(dim))
    for name, value in (("weight", 1 + draw(dim)), ("bias", draw(dim)), ("_mean", draw(dim))):
        g["generator.Normalize.normalize." + name] = value
    g["generator.Normalize.normalize._variance"] = 1 + np.abs(draw(dim))
    add_conv(g, "generator.conv", 3, dim, 3)
    d = {}
    first = "discriminator.optimized_resblock_disc1."
    add_conv(d, first + "conv_1", dim, 3, 3)
    add_conv(d, first + "conv_2.conv2D", dim, dim, 3)
    add_conv(d, first + "conv_shortcut.conv2D", dim, 3, 1)
    for block in range(3):
        base = f"discriminator.ResidualBlocks.{block}."
        pooled = "conv2D" if block == 0 else ""
        add_conv(d, (base + "conv_shortcut." + pooled).rstrip("."), dim, dim, 1)
        add_conv(d, base + "conv_1", dim, dim, 3)
        add_conv(d, (base + "conv_2." + pooled).rstrip("."), dim, dim, 3)
        for norm in ("normalize1.normalize", "normalize2.normalize"):
            for name in ("scale", "offset", "mean", "var"):
                d[f"{base}{norm}.{name}"] = draw(1, scale=1)
    for name, outputs in (("linear", 1), ("linear2", 10)):
        d[f"discriminator.{name}.weight"] = draw(dim, outputs)
        d[f"discriminator.{name}.bias"] = draw(outputs)
    write_paddle("cifar10-generator.pdparams", g, 4)
    write_paddle("cifar10-discriminator.pdparams", d, 4)
    g, d = tensors(g), tensors(d)

    noise, labels = torch.randn(2, 128), torch.tensor([3, 7])
    x = linear(g, "generator.linear1", noise).view(-1, dim, 4, 4)
    for block in range(3):
        base = f"generator.ResidualBlocks.{block}."
        shortcut = same(g, base + "conv_shortcut.conv2D", up(x))
        y = F.relu(conditional_norm(g, base + "normalize1.normalize", x, labels))
        y = same(g, base + "conv_1.conv2D", up(y))
        y = F.relu(conditional_norm(g, base + "normalize2.normalize", y, labels))
        x = shortcut + same(g, base + "conv_2", y)
    n = "generator.Normalize.normalize."
    x = F.batch_norm(x, g[n + "_mean"], g[n + "_variance"], g[n + "weight"], g[n + "bias"])
    images = torch.tanh(same(g, "generator.conv", F.relu(x)))

    y = same(d, first + "conv_1", images)
    y = F.avg_pool2d(same(d, first + "conv_2.conv2D", F.relu(y)), 2)
    x = y + same(d, first + "conv_shortcut.conv2D", F.avg_pool2d(images, 2))
    for block in range(3):
        base = f"discriminator.ResidualBlocks.{block}."
        y = same(d, base + "conv_1", F.relu(layer_norm(d, base + "normalize1.normalize", x)))
        y = F.relu(layer_norm(d, base + "normalize2.normalize", y))
        if block == 0:
            shortcut = F.avg_pool2d(same(d, base + "conv_shortcut.conv2D", x), 2)
            x = shortcut + F.avg_pool2d(same(d, base + "conv_2.conv2D", y), 2)
        else:
            x = x + same(d, base + "conv_2", y)
    scores = linear(d, "discriminator.linear", F.relu(x).mean((2, 3)))
    expected.update({"cifar10.noise": noise, "cifar10.images": images, "cifar10.scores": scores})


# MNIST


def mnist(dim=1):
    g = {
        "generator.linear1.weight": draw(128, 64 * dim),
        "generator.linear1.bias": draw(64 * dim),
    }
    for number, (inputs, outputs) in enumerate(((4 * dim, 2 * dim), (2 * dim, dim), (dim, 1)), 1):
        add_conv(g, f"generator.conv2d_transpose{number}", inputs, outputs, 5)
        g[f"generator.conv2d_transpose{number}.bias"] = draw(outputs)
    d = {}
    for number, (inputs, outputs) in enumerate(((1, dim), (dim, 2 * dim), (2 * dim, 4 * dim)), 1):
        add_conv(d, f"discriminator.conv2d_{number}", outputs, inputs, 5)
    d["discriminator.linear.weight"] = draw(64 * dim, 1)
    d["discriminator.linear.bias"] = draw(1)
    write_paddle("mnist-generator.pdparams", g, 2)
    write_paddle("mnist-discriminator.pdparams", d, 2)
    g, d = tensors(g), tensors(d)

    def transposed(number, x, **options):
        name = f"generator.conv2d_transpose{number}"
        return F.conv_transpose2d(x, g[name + ".weight"], g[name + ".bias"], stride=2, **options)

    noise = torch.randn(2, 128)
    x = F.relu(linear(g, "generator.linear1", noise)).view(-1, 4 * dim, 4, 4)
    # Paddle's "same" for even sizes: one row and column before, two behind are cut off.
    x = F.relu(transposed(1, x)[:, :, 1:9, 1:9])[:, :, :7, :7]
    x = F.relu(transposed(2, x, padding=2, output_padding=1))
    images = torch.sigmoid(transposed(3, x)[:, :, 1:29, 1:29])
    x = images
    for number in (1, 2, 3):
        pad = (2, 2, 2, 2) if x.shape[-1] % 2 else (1, 2, 1, 2)
        x = F.leaky_relu(conv(d, f"discriminator.conv2d_{number}", F.pad(x, pad), stride=2), 0.01)
    scores = linear(d, "discriminator.linear", x.flatten(1))
    expected.update({"mnist.noise": noise, "mnist.images": images, "mnist.scores": scores})


# points in the plane


def toy(dim=8):
    def weights(network, outputs):
        w = {}
        for number, inputs in ((1, 2), (2, dim), (3, dim)):
            w[f"{network}.reluLayer{number}.linear.weight"] = draw(inputs, dim, scale=1)
            w[f"{network}.reluLayer{number}.linear.bias"] = draw(dim)
        w[f"{network}.linear.weight"] = draw(dim, outputs)
        w[f"{network}.linear.bias"] = draw(outputs)
        return w

    def run(w, network, x):
        for number in (1, 2, 3):
            x = F.relu(linear(w, f"{network}.reluLayer{number}.linear", x))
        return linear(w, f"{network}.linear", x)

    g, d = weights("generator", 2), weights("discriminator", 1)
    write_paddle("toy-generator.pdparams", g, 4)
    write_paddle("toy-discriminator.pdparams", d, 4)
    noise = torch.randn(4, 2)
    points = run(tensors(g), "generator", noise)
    scores = run(tensors(d), "discriminator", points)
    expected.update({"toy.noise": noise, "toy.images": points, "toy.scores": scores})


# PyTorch


def pytorch():
    """The generator of the tests' small configuration, as a plain Sequential."""
    net = nn.Sequential(
        nn.ConvTranspose2d(5, 4, 7), nn.BatchNorm2d(4), nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 4, stride=4), nn.Tanh(),
    )
    with torch.no_grad():
        net[1].running_mean.normal_()
        net[1].running_var.uniform_(0.5, 2)
        net[1].weight.normal_(1, 0.3)
        net[1].bias.normal_()
        # Values that half precision has: all files hold the same.
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.bfloat16())
    net[1].num_batches_tracked.fill_(17)
    torch.save(net.state_dict(), os.path.join(folder, "tiny.pt"))
    wrapped = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": wrapped, "rates": [0.1, 0.2]}, os.path.join(folder, "tiny-checkpoint.pth"))
    for name, kind in (("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)):
        state = {
            key: value.to(kind) if value.is_floating_point() else value
            for key, value in net.state_dict().items()
            if "tracked" not in key
        }
        save_file(state, os.path.join(folder, f"tiny-{name}.safetensors"))
    noise = torch.randn(2, 5, 1, 1)
    expected.update({"tiny.noise": noise.view(2, 5), "tiny.images": net.eval()(noise).detach()})


cifar10()
mnist()
toy()
pytorch()
save_file({k: v.contiguous() for k, v in expected.items()}, os.path.join(folder, "expected.safetensors"))
