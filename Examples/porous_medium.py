#!/usr/bin/env python3
"""Writes a porous medium in 3-d as a NumPy array: Gaussian random fields, cut at a level.

  python Examples/porous_medium.py porous-medium.npy                  # 4096 samples of 16 x 16 x 16
  python Examples/porous_medium.py --count 100 --size 32 few.npy
  python Examples/porous_medium.py porous-medium.npy --compare samples.npy   # writes nothing

An array of (count, 1, size, size, size), float32: 1 is rock, -1 is pore. Each sample is a field of its own, periodic in all
directions: white noise whose spectrum is weighted by exp(-(|k| length)^2 / 2), so that pores are some `length` voxels wide,
set to deviation 1 and cut at the level below which `porosity` of a Gaussian field lies; the share of pores of a sample
therefore varies about it. Numbers come from NumPy's PCG64 by `--seed`: the same array at every run.

`--compare` prints both files' porosity (mean over the samples, and its deviation between them) and two-point function P(r):
the share of pairs of voxels, r apart along an axis, that are both pores (a voxel below 0 is one). P(0) is the porosity, and
P falls to its square where voxels that far apart know nothing of each other.

Needs numpy (written with 2.4.6). Seconds for the default.
"""
import argparse
from statistics import NormalDist

import numpy as np


def fields(count, size, length, seed):
    """Gaussian fields, one after the other, mean 0 and deviation 1 in expectation."""
    k = 2 * np.pi * np.fft.fftfreq(size)
    squares = k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, :] ** 2
    weights = np.exp(-squares * length**2 / 2)
    weights[0, 0, 0] = 0
    deviation = np.sqrt((weights**2).sum() / size**3)
    random = np.random.Generator(np.random.PCG64(seed))
    for _ in range(count):
        noise = random.standard_normal((size, size, size))
        yield np.fft.ifftn(np.fft.fftn(noise) * weights).real / deviation


def two_point(pores, r):
    """The share of pairs, r apart along an axis, that are both pores; not around the edges."""
    size = pores.shape[-1]
    pairs = []
    for axis in range(-3, 0):
        first = np.take(pores, range(size - r), axis)
        pairs.append((first & np.take(pores, range(r, size), axis)).mean())
    return float(np.mean(pairs))


def compare(paths):
    columns = []
    for path in paths:
        pores = np.load(path) < 0
        porosity = pores.reshape(len(pores), -1).mean(axis=1)
        values = [f'{len(pores)}', f'{porosity.mean():.4f}', f'{porosity.std():.4f}']
        columns.append(values + [f'{two_point(pores, r):.4f}' for r in range(pores.shape[-1] // 2 + 1)])
    names = ['samples', 'porosity', 'deviation'] + [f'P({r})' for r in range(len(columns[0]) - 3)]
    for row in zip(names, *columns):
        print(f'{row[0]:10}' + ''.join(f'{value:>10}' for value in row[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--count', type=int, default=4096, help='default: 4096')
    parser.add_argument('--size', type=int, default=16, help='voxels a side; default: 16')
    parser.add_argument('--length', type=float, default=1.5, help='voxels; default: 1.5')
    parser.add_argument('--porosity', type=float, default=0.4, help='default: 0.4')
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument('--compare', metavar='FILE', help='samples to compare with OUT, which is read')
    options = parser.parse_args()
    if options.compare:
        compare([options.out, options.compare])
        return
    level = NormalDist().inv_cdf(options.porosity)
    shape = (options.count, 1, options.size, options.size, options.size)
    out = np.lib.format.open_memmap(options.out, mode='w+', dtype=np.float32, shape=shape)
    for index, field in enumerate(fields(options.count, options.size, options.length, options.seed)):
        out[index, 0] = np.where(field < level, -1, 1)
    out.flush()
    print(f'{options.out}: {shape}, porosity {float((out < 0).mean()):.3f}')


if __name__ == '__main__':
    main()
