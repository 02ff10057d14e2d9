#!/usr/bin/env python3
"""What a checkpoint costs, and how often to save by that: trains each configuration for some iterations with a checkpoint behind each,
and reads what the run's log says of them. Writes benchmarks/results/checkpoints.json and .md, and docs/reliability.md's table.

  benchmarks/checkpoints.py --runs /scratch/me       # a folder of the file system that runs will be on
  benchmarks/checkpoints.py --iterations 3 glyphs

The cost C is what training waits for the copy of the state, and the writing in the background as if it took all of its time from
training: that is too much where a core is idle. The interval is Young's (1974), sqrt(2 C M), of a mean time M between failures of
the job; with it the share C / T + T / (2 M) of the time goes to saving and to what is computed again. Expected time: three minutes.
"""
import math
import pathlib
import random
import re
import struct
import tempfile

import common

DOCS = common.ROOT / 'docs/reliability.md'
# Made-up data in the file's form; only shapes matter here.
CONFIGURATIONS = {
    'toy-8gaussians': [],
    'glyphs': [],
    'mnist-mlp-gan': ['data.path={idx}'],
    'fashion-mnist-wgan-gp-no-critic-norm': ['data.path={idx}'],
    'mnist-dcgan': ['data.path={idx}'],
    'cifar10-wgan-gp-resnet': ['data.path={cifar}'],
}
FAILURES = {'an hour': 3600, '6 hours': 6 * 3600, 'a day': 86400, 'a week': 7 * 86400}


def make_data(folder):
    """Pictures of noise, in the form of MNIST and of CIFAR-10."""
    noise, count = random.Random(0), 1000
    idx = folder / 'idx'
    idx.mkdir()
    (idx / 'train-images-idx3-ubyte').write_bytes(struct.pack('>4I', 0x803, count, 28, 28) + noise.randbytes(784 * count))
    (idx / 'train-labels-idx1-ubyte').write_bytes(struct.pack('>2I', 0x801, count) + bytes(n % 10 for n in range(count)))
    cifar = folder / 'data_batch_1.bin'
    # A batch of CIFAR-10 has 10,000 records.
    cifar.write_bytes(b''.join(bytes([n % 10]) + noise.randbytes(3072) for n in range(10000)))
    return {'idx': idx, 'cifar': cifar}


def measure(options, name, data, folder):
    run = folder / name
    common.run([
        *common.launcher(options.ranks), options.program, 'train', '--config', common.ROOT / f'configs/{name}.yaml', '--run', run,
        *(word.format(**data) for word in CONFIGURATIONS[name]), f'training.iterations={options.iterations}',
        'output.checkpointEvery=1 iterations', 'output.sampleEvery=never', 'evaluation.every=never'])
    log = (run / 'run.log').read_text()
    found = re.search(r'(\d+) checkpoints?, each held training up for ([\d.]+) ms and was written in ([\d.]+) ms', log)
    if not found:
        common.fail(f'{run}/run.log: no line about checkpoints:\n{log}')
    newest = (run / 'checkpoints/latest').resolve()
    return {
        'name': name, 'megabytes': sum(file.stat().st_size for file in newest.iterdir()) / 1e6,
        'heldUpMilliseconds': float(found.group(2)), 'writtenMilliseconds': float(found.group(3))}


def interval(seconds):
    """For people: `48 s`, `7 min`."""
    return f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'


def row(found):
    cost = 1e-3 * (found['heldUpMilliseconds'] + found['writtenMilliseconds'])
    cells = [found['name'], f'{found["megabytes"]:.1f}', f'{found["heldUpMilliseconds"]:.1f}', f'{found["writtenMilliseconds"]:.0f}']
    for mean in FAILURES.values():
        best = math.sqrt(2 * cost * mean)
        cells.append(f'{interval(best)} ({100 * (cost / best + best / (2 * mean)):.2g} %)')
    return cells


def main():
    parser = common.parser(__doc__)
    parser.add_argument('names', nargs='*', help='configurations; all of the table without')
    parser.add_argument('--runs', type=pathlib.Path, help='where runs are written (a temporary folder)')
    parser.add_argument('--ranks', type=int, default=2)
    parser.add_argument('--iterations', type=int, default=10)
    options = parser.parse_args()
    environment = common.environment(options.program)
    with tempfile.TemporaryDirectory(dir=options.runs) as folder:
        data = make_data(pathlib.Path(folder))
        found = []
        for name in options.names or CONFIGURATIONS:
            found.append(measure(options, name, data, pathlib.Path(folder)))
            common.say(f'{name}: {found[-1]}')
    table = common.table(
        ['configuration', 'MB', 'training waits, ms', 'written in, ms', *(f'a failure in {mean}' for mean in FAILURES)],
        [row(one) for one in found])
    page = common.heading('What a checkpoint costs, and how often to save', environment) + '\n' + table
    common.write(options.results, 'checkpoints', {'environment': environment, 'ranks': options.ranks, 'checkpoints': found}, page)
    if not options.names:
        begin, end = '<!-- checkpoints -->\n', '<!-- end of checkpoints -->'
        text = DOCS.read_text()
        first, rest = text.split(begin)
        DOCS.write_text(first + begin + table + '\n' + end + rest.split(end)[1])


if __name__ == '__main__':
    main()
