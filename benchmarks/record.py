#!/usr/bin/env python3
"""Records steps of a system in PyTorch, for `wgangp-dist verify`: what every tensor should be, computed in float64.

  python benchmarks/record.py --system fashion --width 8 --batch 16 --critic-steps 2 --iterations 2 --out fashion.safetensors
  wgangp-dist verify --config configs/fashion-mnist-wgan-gp.yaml fashion.safetensors

Needs torch, numpy and safetensors. Expected time: seconds at small widths; at the published width and batch a minute a step.
The systems and the losses are those of pytorch_systems.py, and three small ones that nobody has published, for their layers:
`line` (one dimension), `volume` (three) and `attention`. Each system has its published objective, those three WGAN-GP's, unless
an option says otherwise:

  python benchmarks/record.py --system fashion-no-norm --loss hinge --at reals --target 0 --weight 5 --out hinge-r1.safetensors

With --every k the penalty is computed in every k-th critic step of the run, the first one included, with k times the weight.

With --regress the critic has an output more for each number of the condition, and its error on reals is added to the critic's loss,
a tenth of that on fakes to the generator's: the mean of (p - c)^2, |p - c| or 100 |p - c| / max(|c|, 1e-7).

A recording is a safetensors file. Names are a `Sequential`'s indices, layouts PyTorch's (NCHW images, OIHW convolutions, IOHW
transposed convolutions; NCL and NCDHW of lines and volumes). STEP is critic.K or generator, I and K count from 0.

  init.NETWORK.NAME                        parameters and buffers before the first step; NETWORK: generator or critic
  iter.I.STEP.noise                        inputs of a step
  iter.I.critic.K.real|alpha|perturbation  reals; the weights a of interpolates; the numbers u
  iter.I.STEP.labels                       int64
  iter.I.STEP.numbers                      of the conditions, (sample, number), of a system that has them
  iter.I.critic.K.loss|wasserstein|penalty, iter.I.generator.loss    expected; absent where the step has none
  iter.I.STEP.grad.NAME                    expected gradient of the step's own network
  final.NETWORK.NAME                       parameters and buffers after the last step
  float32.error.KEY                        max |x32 - x64| / scale of the same run in PyTorch's own float32. scale is
                                           max |x64|, for a gradient over all gradients of its step
  iter.I.STEP.kink.NETWORK.LAYER.index     inputs of the (leaky) ReLU LAYER that are near to 0: int64, flat, of a tensor (group,
                                           sample, channel, row, column). The critic's groups in its own step: reals 0,
                                           fakes 1, the penalty's points 2; a generator step has one group
  iter.I.STEP.kink.NETWORK.LAYER.side      int64, one for each: 1 where the input is above 0 in float64, else 0
  iter.I.STEP.kink.NETWORK.LAYER.limit     what near means: 1e-6 of the layer's largest input in this step (`kinks` in the
                                           metadata), or 4 times what PyTorch's float32 misses inputs of this layer and step by

Rounding decides on which side of 0 such an input falls, and a derivative that is not its own moves a gradient by a thousandth:
`verify` takes the recorded side, and so does the float32 run here. A critic step lists the critic's alone: nothing goes back
through its generator, and the value of a ReLU has no jump.
"""
import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import pytorch_systems as systems

KINKS = 1e-6
LOSSES = ('wasserstein', 'hinge', 'leastSquares', 'bce')
ERRORS = ('squared', 'absolute', 'absolutePercentage')
POINTS = ('interpolates', 'reals', 'fakes', 'noise')


class Line(systems.System):
    """Samples of 2 channels and 16 pixels in a row."""
    shape, noise, batch, critic_steps, width = (2, 16), (6,), 8, 2, 2

    def networks(self, w):
        g = [nn.Linear(6, 16 * w), nn.ReLU(), nn.Unflatten(1, (4 * w, 4)), nn.ConvTranspose1d(4 * w, 2 * w, 4, 2, 1, bias=False),
             nn.BatchNorm1d(2 * w), nn.ReLU(), nn.Upsample(scale_factor=2), nn.Conv1d(2 * w, 2, 5, padding=2), nn.Tanh()]
        c = [nn.Conv1d(2, 3 * w, 5, 2, 2), nn.LeakyReLU(0.2), nn.AvgPool1d(3, 1, 1), nn.Conv1d(3 * w, 4 * w, 3, padding=1, bias=False),
             nn.InstanceNorm1d(4 * w, affine=True), nn.SiLU(), nn.MaxPool1d(3, 2), nn.Flatten(), nn.Linear(12 * w, 1)]
        return g, c


class Volume(systems.System):
    """Samples of one channel, 6 planes, 4 rows and 8 columns."""
    shape, noise, batch, critic_steps, width = (1, 6, 4, 8), (6, 1, 1, 1), 6, 2, 2

    def networks(self, w):
        g = [nn.ConvTranspose3d(6, 2 * w, (3, 2, 4), bias=False), nn.BatchNorm3d(2 * w), nn.ReLU(),
             nn.ConvTranspose3d(2 * w, w, (4, 3, 4), 2, 1, (0, 1, 0), bias=False), nn.LayerNorm([w, 6, 4, 8]), nn.ReLU(),
             nn.Conv3d(w, 1, 3, padding=1), nn.Tanh()]
        c = [nn.Conv3d(1, 2 * w, 3, (1, 1, 2), 1), nn.LeakyReLU(0.2), nn.AvgPool3d(2), nn.Conv3d(2 * w, 3 * w, 3, padding=1, bias=False),
             nn.InstanceNorm3d(3 * w), nn.LeakyReLU(0.2), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(3 * w, 2 * w, (2, 1, 1)), nn.Tanh(),
             nn.Conv3d(2 * w, 1, (2, 1, 1))]
        return g, c


class SelfAttention(nn.Module):
    """Zhang et al. 2019, as Brock's code of BigGAN has it; gamma begins at 1/2 here, so that the rest has a gradient."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.tensor([0.5]))
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)

    def forward(self, x):
        theta, phi, g = self.theta(x), F.max_pool2d(self.phi(x), 2), F.max_pool2d(self.g(x), 2)
        n, _, h, w = x.shape
        beta = F.softmax(torch.bmm(theta.flatten(2).transpose(1, 2), phi.flatten(2)), -1)
        found = torch.bmm(g.flatten(2), beta.transpose(1, 2)).view(n, -1, h, w)
        return x + self.gamma * self.o(found)


class Attention(systems.System):
    """Pictures of 12 x 8 pixels."""
    shape, noise, batch, critic_steps, width = (1, 12, 8), (6, 1, 1), 6, 2, 2

    def networks(self, w):
        g = [nn.ConvTranspose2d(6, 8 * w, (6, 4), bias=False), nn.BatchNorm2d(8 * w), nn.ReLU(), SelfAttention(8 * w),
             nn.ConvTranspose2d(8 * w, 1, 4, 2, 1), nn.Tanh()]
        c = [nn.Conv2d(1, 8 * w, (4, 3), (2, 1), 1), nn.LeakyReLU(0.2), SelfAttention(8 * w), nn.Conv2d(8 * w, 2 * w, 4, 2, 1),
             nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(24 * w, 1)]
        return g, c


SYSTEMS = {**systems.SYSTEMS, 'line': Line, 'volume': Volume, 'attention': Attention}


class Kinks:
    """Keeps the inputs of a run's (leaky) ReLUs; given those of another run, takes its side of 0 everywhere and keeps how far it
    was from them."""
    tiny = 1e-30

    def __init__(self, networks, exact=None):
        self.inputs, self.errors, self.exact = {}, {}, exact
        self.prefix, self.active = '', ()
        for name, network in networks.items():
            for path, module in network.named_modules():
                if isinstance(module, (nn.ReLU, nn.LeakyReLU)):
                    module.register_forward_pre_hook(lambda _, x, name=name, path=path: self.see(name, path, x[0]))

    def begin(self, prefix, active):
        """A step; only the networks in `active` are seen."""
        self.prefix, self.active = prefix, active

    def see(self, name, path, x):
        if name not in self.active:
            return None
        key = f'{self.prefix}kink.{name}.{path}.'
        calls = self.inputs.setdefault(key, [])
        calls.append(x.detach())
        if self.exact is None:
            return None
        exact = self.exact[key][len(calls) - 1]
        self.errors[key] = max(self.errors.get(key, 0.0), float((calls[-1].double() - exact).abs().max()))
        side = torch.where(exact > 0, self.tiny, -self.tiny).to(x.dtype)
        # The derivative stays that of x.
        return (torch.where((x > 0) == (exact > 0), x, side + (x - x.detach())),)


def near_kinks(exact, errors):
    """The keys of a recording."""
    out = {}
    for key, calls in exact.items():
        x = torch.cat([x.reshape(-1) for x in calls])
        limit = max(KINKS * float(x.abs().max()), 4 * errors[key])
        index = (x.abs() <= limit).nonzero().reshape(-1)
        if len(index):
            out[key + 'index'], out[key + 'side'] = index, (x[index] > 0).to(torch.int64)
            out[key + 'limit'] = torch.tensor(limit, dtype=torch.float32)
    return out


def objective(system, options):
    """The published one, or what the options say."""
    is_published = system.penalty is not None and not options.loss
    has_penalty = options.at or is_published or options.weight
    return systems.Objective(
        system, loss=options.loss, at=(options.at or system.at) if has_penalty else None,
        weight=options.weight if options.weight is not None else system.penalty if is_published else 10,
        target=options.target, is_one_sided=options.sides == 'one', every=options.every,
        error=options.regress, pack=options.pack)


def packed(layer, pack):
    """A critic's first layer, for packs of samples."""
    if isinstance(layer, nn.Linear):
        return nn.Linear(pack * layer.in_features, layer.out_features)
    return nn.Conv2d(pack * layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)


class Recording:
    def __init__(self, options):
        torch.manual_seed(options.seed)
        self.options = options
        self.system = SYSTEMS[options.system]()
        self.width = options.width or self.system.width
        self.batch = options.batch or self.system.batch
        self.critic_steps = options.critic_steps or self.system.critic_steps
        if isinstance(self.system, systems.FastCaloGAN) and options.width:
            # Narrow as a whole: as many noise values as the first layer's, seven times as many voxels.
            self.system.noise, self.system.shape = (self.width,), (7 * self.width,)
        self.latent = options.latent or self.system.noise[0]
        self.objective = objective(self.system, options)
        # What layers look at beside the sample.
        self.told = 'numbers' if self.system.numbers else 'labels'
        start = self.networks()
        for network in start.values():
            systems.initialize(self.system, network)
        with torch.no_grad():
            for p in start['critic'].parameters():
                if p.dim() > 1:
                    p *= options.gain
        self.start = {name: {k: v.clone() for k, v in network.state_dict().items()} for name, network in start.items()}
        self.inputs = self.draw()

    def networks(self):
        g, c = self.system.networks(self.width)
        first = g[0]
        if self.options.pack > 1:
            at = next(i for i, layer in enumerate(c) if isinstance(layer, (nn.Conv2d, nn.Linear)))
            c[at] = packed(c[at], self.options.pack)
        if self.options.regress:
            c[-1] = nn.Linear(c[-1].in_features, 1 + self.system.numbers)
        if not isinstance(first, systems.WithNumbers) and self.latent != self.system.noise[0]:
            if isinstance(first, nn.ConvTranspose2d):
                g[0] = nn.ConvTranspose2d(self.latent, first.out_channels, first.kernel_size, bias=False)
            else:
                g[0] = nn.Linear(self.latent, first.out_features)
        return {'generator': systems.Chain(*g), 'critic': systems.Chain(*c)}

    def draw(self):
        system, n, inputs = self.system, self.batch, {}
        has_same_reals = system.reuses_reals or isinstance(system, (systems.MLP, systems.FastCaloGAN))
        for i in range(self.options.iterations):
            real = torch.rand(n, *system.shape) * 2 - 1 if len(system.shape) > 1 else torch.randn(n, *system.shape)
            if isinstance(system, systems.MNIST):
                real = real.abs()
            for k in range(self.critic_steps):
                if k and not has_same_reals:
                    real = real.roll(1, 0) * 0.9
                p = f'iter.{i}.critic.{k}.'
                inputs[p + 'real'], inputs[p + 'noise'] = real.clone(), torch.randn(n, self.latent)
                if self.objective.at == 'interpolates':
                    inputs[p + 'alpha'] = torch.rand(n // self.options.pack)
                if self.objective.at == 'noise':
                    inputs[p + 'perturbation'] = torch.rand(n, *system.shape)
                if system.classes:
                    inputs[p + 'labels'] = torch.randint(0, system.classes, (n,))
                if system.numbers:
                    inputs[p + 'numbers'] = torch.rand(n, system.numbers)
            p, m = f'iter.{i}.generator.', n * system.generator_batch
            inputs[p + 'noise'] = torch.randn(m, self.latent)
            if system.classes:
                inputs[p + 'labels'] = torch.randint(0, system.classes, (m,))
            if system.numbers:
                inputs[p + 'numbers'] = torch.rand(m, system.numbers)
        return inputs

    def run(self, dtype, exact=None):
        """What the steps give, and what the (leaky) ReLUs got, `exact` being that of another run."""
        networks = self.networks()
        for name, network in networks.items():
            network.load_state_dict(self.start[name])
            network.to(dtype)
        kinks, out = Kinks(networks, exact), {}
        g, c = networks['generator'], networks['critic']
        optimizers = {name: self.system.optimizer(list(network.parameters())) for name, network in networks.items()}

        def get(key):
            x = self.inputs.get(key)
            if x is not None and key.endswith('noise'):
                x = x.reshape(-1, self.latent, *self.system.noise[1:])
            return x.to(dtype) if x is not None and x.is_floating_point() else x

        def update(name, prefix, losses):
            for network in networks.values():
                network.zero_grad()
            losses['loss'].backward()
            for key, value in losses.items():
                out[prefix + key] = value.detach().clone()
            for key, p in networks[name].named_parameters():
                out[f'{prefix}grad.{key}'] = torch.zeros_like(p) if p.grad is None else p.grad.clone()
            optimizers[name].step()
        for i in range(self.options.iterations):
            for k in range(self.critic_steps):
                p = f'iter.{i}.critic.{k}.'
                kinks.begin(p, ('critic',))
                update('critic', p, self.objective.critic(
                    i * self.critic_steps + k, g, c,
                    *(get(p + key) for key in ('real', 'noise', 'alpha', 'perturbation', self.told))))
                if self.system.clip:
                    with torch.no_grad():
                        for q in c.parameters():
                            q.clamp_(-self.system.clip, self.system.clip)
            p = f'iter.{i}.generator.'
            kinks.begin(p, ('generator', 'critic'))
            update('generator', p, {'loss': self.objective.generator(g, c, get(p + 'noise'), get(p + self.told))})
        for name, network in networks.items():
            for key, value in network.state_dict().items():
                out[f'final.{name}.{key}'] = value.clone()
        return out, kinks

    def write(self):
        from safetensors.torch import save_file
        exact, kinks = self.run(torch.float64)
        rounded, other = self.run(torch.float32, exact=kinks.inputs)
        found = near_kinks(kinks.inputs, other.errors)
        out = {f'init.{name}.{key}': v for name, state in self.start.items() for key, v in state.items()}
        out.update(self.inputs)
        out.update(found)

        def scale(key):
            step = key.split('.grad.')[0] + '.grad.'
            keys = [other for other in exact if other.startswith(step)] if '.grad.' in key else [key]
            return max(max(float(exact[other].abs().max()) for other in keys), 1e-30)
        for key, value in exact.items():
            out[key] = value.to(torch.float32) if value.is_floating_point() else value
            if value.is_floating_point():
                out['float32.error.' + key] = torch.tensor(float((rounded[key].double() - value).abs().max()) / scale(key))
        options = self.options
        metadata = dict(
            system=options.system, width=self.width, batch=self.batch, critic_steps=self.critic_steps,
            iterations=options.iterations, seed=options.seed, kinks=KINKS, torch=torch.__version__)
        save_file(
            {key: value.contiguous() for key, value in out.items()}, options.out,
            metadata={key: str(value) for key, value in metadata.items()})
        worst = max((float(value), key[14:]) for key, value in out.items() if key.startswith('float32.error.'))
        near = sum(len(value) for key, value in found.items() if key.endswith('.index'))
        print(f'{options.out}: {os.path.getsize(options.out)} bytes, {len(out)} tensors, {near} inputs near a kink; '
              f'the largest float32 error is {worst[0]:.1e}, of {worst[1]}')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--system', choices=SYSTEMS, default='fashion')
    for name in ('width', 'batch', 'critic-steps', 'latent'):
        parser.add_argument('--' + name, type=int, default=0, help='default: published')
    parser.add_argument('--iterations', type=int, default=2, help='default: 2')
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument('--gain', type=float, default=1, help='of the critic\'s first weights: small networks hardly act; default: 1')
    parser.add_argument('--loss', choices=LOSSES, help='default: published, with its penalty; without one where given')
    parser.add_argument('--regress', choices=ERRORS, help='an auxiliary regressor, of a system with numbers; default: none')
    parser.add_argument('--at', choices=POINTS, help='the points of the penalty; default: interpolates where --weight is given')
    parser.add_argument('--weight', type=float, help='of the penalty; default: published, or 10')
    parser.add_argument('--target', type=float, help='norm of the gradient; default: published, or 1')
    parser.add_argument('--sides', choices=('two', 'one'), default='two', help='default: two')
    parser.add_argument('--pack', type=int, default=1, help='samples side by side in an input of the critic; default: 1')
    parser.add_argument('--every', type=int, default=1, help='critic steps from one penalty to the next; default: 1')
    parser.add_argument('--out', default='recording.safetensors', help='default: recording.safetensors')
    Recording(parser.parse_args()).write()
