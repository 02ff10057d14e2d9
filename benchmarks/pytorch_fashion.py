#!/usr/bin/env python3
"""The Fashion-MNIST system in PyTorch, written as published, for timing only: prints one line of JSON.

  python pytorch_fashion.py bench --system fashion --world 2 --threads 1 --iterations 3 --warmup 1

World 2 is two processes over gloo that average their gradients; batch norm sees one process's batch only, as PyTorch has no
synchronized batch norm on the CPU. Used by compare.py where no other peer script is given.
"""
import argparse
import json
import os
import statistics
import time

import torch
import torch.nn as nn


def networks(w):
    def up(i, o, stride, padding):
        return nn.ConvTranspose2d(i, o, 4, stride, padding, bias=False)

    generator = nn.Sequential(
        up(100, 4 * w, 1, 0), nn.BatchNorm2d(4 * w), nn.ReLU(), up(4 * w, 2 * w, 2, 1), nn.BatchNorm2d(2 * w), nn.ReLU(),
        up(2 * w, w, 2, 1), nn.BatchNorm2d(w), nn.ReLU(), up(w, 1, 2, 3), nn.Tanh())
    critic = nn.Sequential(
        nn.Conv2d(1, w, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(w, 2 * w, 4, 2, 1), nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * w, 4 * w, 3, 2, 1), nn.BatchNorm2d(4 * w), nn.LeakyReLU(0.2), nn.Conv2d(4 * w, 1, 4, 1, 0))
    return generator, critic


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


def run(rank, options):
    if options.world > 1:
        import torch.distributed as dist
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(options.port))
        dist.init_process_group('gloo', rank=rank, world_size=options.world)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    generator, critic = networks(options.width)
    g, c = list(generator.parameters()), list(critic.parameters())
    adam = [torch.optim.Adam(p, 1e-4, (0.5, 0.999)) for p in (g, c)]
    n = options.batch // options.world
    real = torch.rand(n, 1, 28, 28) * 2 - 1

    def step(parameters, optimizer, loss, other=()):
        for p in [*parameters, *other]:
            p.grad = None
        loss.backward()
        average(parameters, options.world)
        optimizer.step()

    def iteration():
        for _ in range(5):
            fake = generator(torch.randn(n, 100, 1, 1)).detach()
            a = torch.rand(n, 1, 1, 1)
            x = (a * real + (1 - a) * fake).requires_grad_(True)
            loss = critic(fake).mean() - critic(real).mean()
            scores = critic(x)
            gradient, = torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)
            loss = loss + 10 * ((gradient.reshape(n, -1).norm(2, dim=1) - 1) ** 2).mean()
            step(c, adam[1], loss)
        step(g, adam[0], -critic(generator(torch.randn(n, 100, 1, 1))).mean(), other=c)

    for _ in range(options.warmup):
        iteration()
    seconds = []
    for _ in range(options.iterations):
        begin = time.perf_counter()
        iteration()
        seconds.append(time.perf_counter() - begin)
    if rank == 0:
        print(json.dumps({
            'system': 'fashion', 'ranks': options.world, 'threads': options.threads, 'batch': n * options.world,
            'seconds_per_iteration': statistics.median(seconds), 'torch': torch.__version__}))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=['bench'])
    parser.add_argument('--system', choices=['fashion'], default='fashion')
    for name, value in dict(width=64, batch=128, world=2, threads=1, port=29517, iterations=3, warmup=1).items():
        parser.add_argument('--' + name, type=int, default=value)
    options = parser.parse_args()
    if options.world == 1:
        run(0, options)
    else:
        import torch.multiprocessing
        torch.multiprocessing.spawn(run, args=(options,), nprocs=options.world)
