#!/usr/bin/env python3
"""Trains a system of pytorch_systems.py on digits, and draws samples of it as it goes: what study.py compares with.

  python pytorch_train.py --system fashion-no-norm --data mnist --split test --iterations 400 --every 50 --output trained

Needs torch, numpy, and pillow where the system's images have another size than the digits. Every --every iterations
trained/samples-000050.npy gets --samples images, count x 1 x height x width in [-1, 1], of the generator in evaluation mode:
batch norm takes its running statistics. trained/metrics.csv has a row an iteration with the mean score of the reals less that of
the fakes in its last critic step, before that step's update, and the seconds. The order of the digits is a new one each epoch;
an epoch's last batch is a smaller one.
"""
import argparse
import csv
import gzip
import pathlib
import time

import numpy
import torch

import pytorch_systems as systems


def idx(folder, split, name, first, dimensions):
    """The bytes of an IDX file, in its shape."""
    name = f'{"train" if split == "train" else "t10k"}-{name}-ubyte'
    packed = pathlib.Path(folder, name + '.gz')
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else pathlib.Path(folder, name).read_bytes()
    found, *shape = numpy.frombuffer(data, '>i4', 1 + dimensions).tolist()
    if found != first:
        raise SystemExit(f'pytorch_train: {folder}/{name}: the first number is {found}; expected {first}')
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def digits(folder, split):
    """Images, count x height x width."""
    return idx(folder, split, 'images-idx3', 2051, 3)


def labels(folder, split):
    return idx(folder, split, 'labels-idx1', 2049, 1)


def resized(images, size):
    """As bytes, by Pillow's bilinear resizing."""
    if images.shape[1:] == tuple(size):
        return images
    from PIL import Image
    return numpy.stack([numpy.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)) for image in images])


def batches(images, size):
    """Batches for ever, each of values in [-1, 1]."""
    values = torch.from_numpy(images.astype(numpy.float32) / 127.5 - 1)[:, None]
    while True:
        for chosen in torch.randperm(len(values)).split(size):
            yield values[chosen]


def samples(training, count, seed):
    """`count` images of the generator; what training draws does not change."""
    random = torch.Generator().manual_seed(seed + 1_000_003)
    training.generator.eval()
    with torch.no_grad():
        drawn = torch.cat([training.generator(training.noise(min(100, count - k), random)) for k in range(0, count, 100)])
    training.generator.train()
    return drawn.numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--system', choices=['fashion', 'fashion-no-norm', 'hinge-r1', 'clip', 'mlp'], required=True)
    parser.add_argument('--data', required=True, help='the folder of the IDX files')
    parser.add_argument('--split', choices=['train', 'test'], default='train', help='default: train')
    parser.add_argument('--output', type=pathlib.Path, required=True, help='a folder')
    for name, value in dict(width=0, batch=0, iterations=400, every=50, samples=2000, seed=0, threads=1).items():
        parser.add_argument(f'--{name}', type=int, default=value, help=f'default: {value or "published"}')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    system = systems.SYSTEMS[options.system]()
    training = systems.Training(system, options.width)
    reals = batches(resized(digits(options.data, options.split), system.shape[1:]), options.batch or system.batch)
    options.output.mkdir(parents=True, exist_ok=True)
    with open(options.output / 'metrics.csv', 'w', newline='', buffering=1) as file:
        table = csv.writer(file)
        table.writerow(['iteration', 'w_distance', 'seconds'])
        for iteration in range(1, options.iterations + 1):
            begin = time.perf_counter()
            losses = training.iteration(lambda: (next(reals), None))
            distance = losses['wasserstein'].item() if 'wasserstein' in losses else ''
            table.writerow([iteration, distance, f'{time.perf_counter() - begin:.4f}'])
            if iteration % options.every == 0:
                numpy.save(options.output / f'samples-{iteration:06d}.npy', samples(training, options.samples, options.seed))


if __name__ == '__main__':
    main()
