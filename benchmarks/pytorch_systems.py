#!/usr/bin/env python3
"""The compared systems in PyTorch, written as published: networks, objectives, an iteration. Times them, and prints one line of
JSON; `record.py` and `pytorch_train.py` take them from here.

  python pytorch_systems.py bench --system fashion --world 2 --threads 1 --iterations 3 --warmup 1

World 2 is two processes over gloo that average their gradients; batch norm sees one process's batch only, as PyTorch has no
synchronized batch norm on the CPU. Images, points, noise and classes are random. The systems are those of the configurations:

  fashion  fashion-mnist-wgan-gp     clip   mnist-wgan-clip            mnist  mnist-wgan-gp
  cifar    cifar10-wgan-gp-resnet    toy    toy-8gaussians             mlp    mnist-mlp-gan
  fastcalogan  ATLAS's FastCaloGAN on photons (ATL-SOFT-PUB-2020-006): 50 noise values and 2 numbers of the condition
  fashion-no-norm  fashion-mnist-wgan-gp-no-critic-norm
  hinge-r1         that with a hinge loss and R1 of gamma 10

The objective is that of the system's class:

  loss         critic minimizes                                            generator minimizes
  wasserstein  mean C(y) - mean C(x)                                       -mean C(y)
  hinge        mean max(0, 1 - C(x)) + mean max(0, 1 + C(y))               -mean C(y)
  leastSquares (mean (C(x) - 1)^2 + mean C(y)^2) / 2                       mean (C(y) - 1)^2 / 2
  bce          (mean H(C(x), 1) + mean H(C(y), 0)) / 2                     mean H(C(y), 1)

x: reals, y: fakes. H takes probabilities where the critic ends in a sigmoid, logits elsewhere. The penalty is
weight * mean (|g_i| - target)^2, with one side max(0, |g_i| - target)^2, where g_i is the gradient of C at point i:
interpolates a x + (1 - a) y, reals, fakes, or noise: x + 0.5 * s * u with s the standard deviation of all values of x (that of
the population) and u uniform in [0, 1) for each value.
"""
import argparse
import json
import os
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


# ---- layers that PyTorch does not have -----------------------------------------------------------------------------------------

class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: the odd pixel goes to the far side."""

    def forward(self, x):
        kernel, stride, sides = self.kernel_size[0], self.stride[0], []
        for n in (x.shape[-1], x.shape[-2]):
            pad = max((-(-n // stride) - 1) * stride + kernel - n, 0)
            sides += [pad // 2, pad - pad // 2]
        return super().forward(F.pad(x, sides))


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Its adjoint: exactly `stride` times the input."""

    def forward(self, x):
        first = (self.kernel_size[0] - self.stride[0]) // 2
        height, width = (n * self.stride[0] for n in x.shape[-2:])
        return super().forward(x)[..., first:first + height, first:first + width]


class Cut(nn.Module):
    """The first `size` rows and columns."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return x[..., :self.size, :self.size]


class ByClass(nn.Module):
    """Batch norm whose scale and offset are the sample's class's (Dumoulin et al. 2017)."""

    def __init__(self, channels, classes=10):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(classes, channels))
        self.bias = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x, labels):
        y = F.batch_norm(x, None, None, training=True)
        return y * self.weight[labels][:, :, None, None] + self.bias[labels][:, :, None, None]


class WithNumbers(nn.Module):
    """The sample and the numbers of its condition side by side."""

    def forward(self, x, numbers):
        return torch.cat([x, numbers], 1)


class Chain(nn.Sequential):
    """`labels` are what the layers look at: classes, or the numbers of conditions."""

    def forward(self, x, labels=None):
        for layer in self:
            x = layer(x, labels) if isinstance(layer, (ByClass, Sum, WithNumbers)) else layer(x)
        return x


class Sum(nn.Module):
    def __init__(self, main, shortcut=()):
        super().__init__()
        self.main, self.shortcut = Chain(*main), Chain(*shortcut)

    def forward(self, x, labels=None):
        return self.main(x, labels) + self.shortcut(x, labels)


class MeanOfPixels(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


# ---- the systems ---------------------------------------------------------------------------------------------------------------

def adam(rate, betas):
    return lambda parameters: torch.optim.Adam(parameters, rate, tuple(map(float, betas)))


class System:
    """What a system is where its own class says nothing else."""
    shape, noise, batch, critic_steps, width = (1, 28, 28), (100, 1, 1), 128, 5, 64
    loss, clip, classes, generator_batch, reuses_reals = 'wasserstein', None, 0, 1, False
    penalty, at, target = 10, 'interpolates', 1   # the penalty's weight, or None; its points; the norm that costs nothing
    # Of the condition; a system has these or classes.
    numbers = 0
    optimizer = staticmethod(adam(1e-4, (0.5, 0.999)))


def up(inputs, outputs, stride, padding):
    return nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False)


def with_norm(layer, slope=0):
    channels = layer.out_channels
    return [layer, nn.BatchNorm2d(channels), nn.LeakyReLU(slope) if slope else nn.ReLU()]


class Fashion(System):
    reuses_reals = True

    def networks(self, w):
        g = [*with_norm(up(100, 4 * w, 1, 0)), *with_norm(up(4 * w, 2 * w, 2, 1)), *with_norm(up(2 * w, w, 2, 1)), up(w, 1, 2, 3), nn.Tanh()]
        c = [nn.Conv2d(1, w, 4, 2, 1), nn.LeakyReLU(0.2), *with_norm(nn.Conv2d(w, 2 * w, 4, 2, 1), 0.2),
             *with_norm(nn.Conv2d(2 * w, 4 * w, 3, 2, 1), 0.2), nn.Conv2d(4 * w, 1, 4)]
        return g, c


class FashionNoNorm(Fashion):
    def networks(self, w):
        g, c = super().networks(w)
        return g, [layer for layer in c if not isinstance(layer, nn.BatchNorm2d)]


class HingeR1(FashionNoNorm):
    loss, penalty, at, target = 'hinge', 5, 'reals', 0   # half of gamma


class Clip(System):
    shape, penalty, clip, reuses_reals = (1, 32, 32), None, 0.01, True
    optimizer = staticmethod(lambda parameters: torch.optim.RMSprop(parameters, 5e-5))

    def networks(self, w):
        def down(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
        g = [*with_norm(up(100, 8 * w, 1, 0)), *with_norm(up(8 * w, 4 * w, 2, 1)), *with_norm(up(4 * w, 2 * w, 2, 1)), up(2 * w, 1, 2, 1), nn.Tanh()]
        c = [down(1, w), nn.LeakyReLU(0.2), *with_norm(down(w, 2 * w), 0.2), *with_norm(down(2 * w, 4 * w), 0.2), nn.Conv2d(4 * w, 1, 4, bias=False)]
        return g, c


class MNIST(System):
    noise, batch = (128,), 50
    optimizer = staticmethod(adam(1e-4, (0.5, 0.9)))

    def networks(self, w):
        def double(inputs, outputs):
            return SameConvTranspose2d(inputs, outputs, 5, 2)

        def halve(inputs, outputs):
            return [SameConv2d(inputs, outputs, 5, 2), nn.LeakyReLU(0.2)]
        g = [nn.Linear(128, 64 * w), nn.ReLU(), nn.Unflatten(1, (4 * w, 4, 4)), double(4 * w, 2 * w), nn.ReLU(), Cut(7),
             double(2 * w, w), nn.ReLU(), double(w, 1), nn.Sigmoid()]
        c = [*halve(1, w), *halve(w, 2 * w), *halve(2 * w, 4 * w), nn.Flatten(), nn.Linear(64 * w, 1)]
        return g, c


class CIFAR(System):
    shape, noise, batch, width, classes, generator_batch = (3, 32, 32), (128,), 64, 128, 10, 2
    optimizer = staticmethod(adam(2e-4, (0, 0.9)))

    def networks(self, w):
        def conv(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, 1, 1)

        def rise():
            return Sum([ByClass(w), nn.ReLU(), nn.Upsample(scale_factor=2), conv(w, w), ByClass(w), nn.ReLU(), conv(w, w)],
                       [nn.Upsample(scale_factor=2), nn.Conv2d(w, w, 1)])
        g = [nn.Linear(128, 16 * w), nn.Unflatten(1, (w, 4, 4)), rise(), rise(), rise(), nn.BatchNorm2d(w), nn.ReLU(), conv(w, 3), nn.Tanh()]
        c = [Sum([conv(3, w), nn.ReLU(), conv(w, w), nn.AvgPool2d(2)], [nn.AvgPool2d(2), nn.Conv2d(3, w, 1)]),
             Sum([nn.ReLU(), conv(w, w), nn.ReLU(), conv(w, w), nn.AvgPool2d(2)], [nn.Conv2d(w, w, 1), nn.AvgPool2d(2)]),
             Sum([nn.ReLU(), conv(w, w), nn.ReLU(), conv(w, w)]), Sum([nn.ReLU(), conv(w, w), nn.ReLU(), conv(w, w)]),
             nn.ReLU(), MeanOfPixels(), nn.Linear(w, 11)]
        return g, c


class Toy(System):
    shape, noise, batch, penalty = (2,), (2,), 256, 0.1
    optimizer = staticmethod(adam(1e-4, (0.5, 0.9)))

    def networks(self, w):
        def chain(outputs):
            d = 8 * w
            return [nn.Linear(2, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, outputs)]
        return chain(2), chain(1)


class MLP(System):
    noise, batch, critic_steps, penalty, loss = (100,), 64, 1, None, 'bce'
    optimizer = staticmethod(adam(2e-4, (0.5, 0.999)))

    def networks(self, w):
        sizes = [100, 2 * w, 4 * w, 8 * w]
        g = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2), nn.BatchNorm1d(b, momentum=0.8))]
        g += [nn.Linear(8 * w, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
        c = [nn.Flatten(), nn.Linear(784, 8 * w), nn.LeakyReLU(0.2), nn.Linear(8 * w, 4 * w), nn.LeakyReLU(0.2), nn.Linear(4 * w, 1), nn.Sigmoid()]
        return g, c


class FastCaloGAN(System):
    shape, noise, batch, width, numbers = (368,), (50,), 128, 50, 2
    optimizer = staticmethod(adam(1e-4, (0.55, 0.999)))

    def networks(self, w):
        def block(inputs, outputs):
            return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01), nn.SiLU()]
        n = self.shape[0]
        g = [WithNumbers(), *block(self.noise[0] + self.numbers, w), *block(w, 2 * w), *block(2 * w, 4 * w), *block(4 * w, n)]
        c = [WithNumbers(), nn.Linear(n + self.numbers, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 1)]
        return g, c


SYSTEMS = {
    'fashion': Fashion, 'clip': Clip, 'mnist': MNIST, 'cifar': CIFAR, 'toy': Toy, 'mlp': MLP, 'fashion-no-norm': FashionNoNorm,
    'hinge-r1': HingeR1, 'fastcalogan': FastCaloGAN}


def initialize(system, network):
    """The DCGAN systems' own initialization; the others keep PyTorch's."""
    if not isinstance(system, (Fashion, Clip)):
        return
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.02)
            nn.init.zeros_(module.bias)


# ---- objectives ----------------------------------------------------------------------------------------------------------------

class Objective:
    """A system's own, unless arguments say another one; `at` None is no penalty, and with `every` k it is computed in every k-th
    critic step of the run, the first one included, with k times the weight. The critic takes packs of `pack` samples (PacGAN,
    arXiv:1712.04086), an `alpha` each; the numbers of their conditions stand side by side too."""

    def __init__(self, system, loss=None, at=None, weight=None, target=None, is_one_sided=False, every=1, error=None, pack=1):
        self.system = system
        self.loss, self.weight, self.at = loss or system.loss, weight, at
        self.target = system.target if target is None else target
        self.is_one_sided, self.every, self.error, self.pack = is_one_sided, every, error, pack

    @classmethod
    def published(cls, system):
        return cls(system, at=system.at if system.penalty else None, weight=system.penalty)

    def packs(self, x):
        if self.pack == 1 or x is None:
            return x
        return x.reshape(len(x) // self.pack, self.pack * x.shape[1], *x.shape[2:])

    def scores(self, critic, x, labels):
        out = critic(x, labels).reshape(x.shape[0], -1)
        return out[:, 0], out[:, 1:]

    def regression(self, estimates, numbers):
        """The auxiliary regressor's error: `squared`, `absolute`, or in percent."""
        difference = estimates - numbers
        if self.error == 'squared':
            return (difference ** 2).mean()
        if self.error == 'absolute':
            return difference.abs().mean()
        return 100 * (difference.abs() / numbers.abs().clamp(min=1e-7)).mean()

    def entropy(self, critic, s, target):
        goal = torch.full_like(s, target)
        if isinstance(critic[-1], nn.Sigmoid):
            return F.binary_cross_entropy(s, goal)
        return F.binary_cross_entropy_with_logits(s, goal)

    def points(self, real, fake, alpha, perturbation):
        if self.at == 'noise':
            return real + 0.5 * real.std(correction=0) * perturbation
        if self.at == 'interpolates':
            a = alpha.reshape(-1, *[1] * (real.dim() - 1))
            return a * real + (1 - a) * fake
        return real if self.at == 'reals' else fake

    def critic(self, number, generator, critic, real, noise, alpha, perturbation, labels):
        """`number` counts the run's critic steps from 0."""
        fake = generator(noise, labels).detach()
        real, fake, labels = self.packs(real), self.packs(fake), self.packs(labels)
        (r, logits), (f, _) = self.scores(critic, real, labels), self.scores(critic, fake, labels)
        out = {}
        if self.loss == 'wasserstein':
            out['wasserstein'] = r.mean() - f.mean()
            loss = -out['wasserstein']
        elif self.loss == 'hinge':
            loss = F.relu(1 - r).mean() + F.relu(1 + f).mean()
        elif self.loss == 'leastSquares':
            loss = ((r - 1) ** 2).mean() / 2 + (f ** 2).mean() / 2
        else:
            loss = (self.entropy(critic, r, 1.0) + self.entropy(critic, f, 0.0)) / 2
        if self.at and number % self.every == 0:
            x = self.points(real, fake, alpha, perturbation).detach().requires_grad_(True)
            s, _ = self.scores(critic, x, labels)
            gradient, = torch.autograd.grad(s.sum(), x, create_graph=True)
            excess = gradient.reshape(x.shape[0], -1).norm(2, dim=1) - self.target
            if self.is_one_sided:
                excess = F.relu(excess)
            out['penalty'] = self.every * self.weight * (excess ** 2).mean()
            loss = loss + out['penalty']
        if self.system.classes:
            loss = loss + F.cross_entropy(logits, labels)
        if self.error:
            loss = loss + self.regression(logits, labels)
        out['loss'] = loss
        return out

    def generator(self, generator, critic, noise, labels):
        s, logits = self.scores(critic, self.packs(generator(noise, labels)), self.packs(labels))
        if self.loss == 'bce':
            loss = self.entropy(critic, s, 1.0)
        elif self.loss == 'leastSquares':
            loss = ((s - 1) ** 2).mean() / 2
        else:
            loss = -s.mean()
        if self.error:
            loss = loss + 0.1 * self.regression(logits, labels)
        return loss + 0.1 * F.cross_entropy(logits, labels) if self.system.classes else loss



# ---- an iteration --------------------------------------------------------------------------------------------------------------

def average(parameters, world):
    if world == 1:
        return
    import torch.distributed as dist
    flat = torch.cat([p.grad.reshape(-1) for p in parameters])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for p in parameters:
        p.grad.copy_(flat[offset:offset + p.numel()].view_as(p))
        offset += p.numel()


class Training:
    """A system's networks and optimizers, and its iteration; those of one of `world` processes."""

    def __init__(self, system, width=0, world=1):
        self.system, self.world = system, world
        self.generator, self.critic = (Chain(*layers) for layers in system.networks(width or system.width))
        for network in (self.generator, self.critic):
            initialize(system, network)
        self.g, self.c = list(self.generator.parameters()), list(self.critic.parameters())
        self.optimizer_g, self.optimizer_c = system.optimizer(self.g), system.optimizer(self.c)
        self.objective = Objective.published(system)
        self.critic_steps = 0

    def classes(self, count):
        if self.system.numbers:
            return torch.rand(count, self.system.numbers)
        return torch.randint(0, self.system.classes, (count,)) if self.system.classes else None

    def noise(self, count, random=None):
        return torch.randn(count, *self.system.noise, generator=random)

    def update(self, parameters, optimizer, loss, other=()):
        for p in [*parameters, *other]:
            p.grad = None
        loss.backward()
        average(parameters, self.world)
        optimizer.step()

    def critic_step(self, real, labels):
        n = len(real)
        losses = self.objective.critic(
            self.critic_steps, self.generator, self.critic, real, self.noise(n), torch.rand(n), None, labels)
        self.critic_steps += 1
        self.update(self.c, self.optimizer_c, losses['loss'])
        if self.system.clip:
            with torch.no_grad():
                for p in self.c:
                    p.clamp_(-self.system.clip, self.system.clip)
        return losses

    def generator_step(self, count):
        loss = self.objective.generator(self.generator, self.critic, self.noise(count), self.classes(count))
        self.update(self.g, self.optimizer_g, loss, other=self.c)

    def iteration(self, draw):
        """The losses of the last critic step; `draw()` gives a batch of reals and its labels."""
        for k in range(self.system.critic_steps):
            if k == 0 or not self.system.reuses_reals:
                real, labels = draw()
            losses = self.critic_step(real, labels)
        self.generator_step(len(real) * self.system.generator_batch)
        return losses


def run(rank, options):
    if options.world > 1:
        import torch.distributed as dist
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(options.port))
        dist.init_process_group('gloo', rank=rank, world_size=options.world)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    system = SYSTEMS[options.system]()
    training = Training(system, options.width, options.world)
    n = (options.batch or system.batch) // options.world
    real = torch.rand(n, *system.shape) * 2 - 1

    def iteration():
        training.iteration(lambda: (real, training.classes(n)))

    for _ in range(options.warmup):
        iteration()
    seconds = []
    for _ in range(options.iterations):
        begin = time.perf_counter()
        iteration()
        seconds.append(time.perf_counter() - begin)
    if rank == 0:
        print(json.dumps({
            'system': options.system, 'ranks': options.world, 'threads': options.threads, 'batch': n * options.world,
            'parameters': [sum(p.numel() for p in of) for of in (training.g, training.c)],
            'seconds_per_iteration': statistics.median(seconds), 'torch': torch.__version__}))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['bench'])
    parser.add_argument('--system', choices=SYSTEMS, default='fashion')
    for name, value in dict(width=0, batch=0, world=2, threads=1, port=29517, iterations=3, warmup=1).items():
        parser.add_argument('--' + name, type=int, default=value, help=argparse.SUPPRESS if name == 'port' else f'default: {value or "published"}')
    options = parser.parse_args()
    if options.world == 1:
        run(0, options)
    else:
        import torch.multiprocessing
        torch.multiprocessing.spawn(run, args=(options,), nprocs=options.world)
