#!/usr/bin/env python3
"""Trains four systems on MNIST's 10,000 test digits with wgangp-dist and with PyTorch, and scores both as they go, by the same
command. Writes benchmarks/results/study.json, study.md and study.png. docs/evaluation.md says what was found.

  ENV/bin/python benchmarks/study.py --data data/mnist --work study

ENV is a virtual environment with torch, numpy, pillow and matplotlib. A job of one thread of each program runs at a time; results of
wgangp-dist do not depend on ranks and threads. What --work holds is not computed again: a call that was stopped goes on where it was, a run
of wgangp-dist from its last checkpoint, one of PyTorch from its beginning. With --only-results nothing is trained.

  --work/digits.yaml               the feature network: a classifier trained on 9,000 of the digits, 1,000 held out
  --work/SYSTEM/ours-SEED/run      a run of wgangp-dist, a checkpoint at each scored iteration
  --work/SYSTEM/pytorch-SEED       what pytorch_train.py writes
  --work/SYSTEM/WAY-SEED/scores.json   of what is done, and all that is needed of it

Scored are 2,000 samples against 2,000 of the digits, drawn at random; batch norm in the generator takes its running statistics on
both sides. The images of `clip`, 32 x 32, are compared with the same digits at 32 x 32; the classifier resizes both to 28 x 28.
"""
import concurrent.futures
import csv
import itertools
import json
import pathlib
import struct
import sys

import numpy

import common
import pytorch_train

WAYS = {'ours': 'wgangp-dist', 'pytorch': 'PyTorch'}
SEEDS = (0, 1, 2)
COUNT = 2000
SCORES = ('fid', 'precision', 'recall')
NO_NORM = 'fashion-mnist-wgan-gp-no-critic-norm'
R1 = ['objective.loss=hinge', 'objective.gradientPenalty.at=reals', 'objective.gradientPenalty.target=0', 'objective.gradientPenalty.weight=5']
# Title, configuration, its name in pytorch_systems.py, width, batch, iterations of PyTorch (the slower one) and of wgangp-dist,
# those between two scores, other values.
SYSTEMS = {
    'penalty': ('WGAN-GP', NO_NORM, 'fashion-no-norm', 32, 32, 600, 1000, 100, []),
    'clip': ('WGAN, clipping', 'mnist-wgan-clip', 'clip', 32, 32, 600, 1000, 100, []),
    'hinge-r1': ('hinge + R1', NO_NORM, 'hinge-r1', 32, 32, 600, 1000, 100, R1),
    'mlp': ('GAN of linear layers', 'mnist-mlp-gan', 'mlp', 64, 64, 6000, 6000, 750, []),
}


class Cell:
    """A system, trained one way with one seed."""

    def __init__(self, study, system, way, seed):
        self.study, self.way, self.seed, self.system = study, way, seed, system
        self.title, self.config, self.peer, self.width, self.batch, theirs, ours, self.every, self.values = SYSTEMS[system]
        self.iterations = ours if way == 'ours' else theirs
        self.folder = study.work / system / f'{way}-{seed}'

    def train(self):
        if self.way == 'ours':
            common.run([
                self.study.program, 'train', '--config', common.ROOT / f'configs/{self.config}.yaml', '--run', self.folder / 'run',
                '--continue', f'seed={self.seed}', f'data.path={self.study.data}', 'data.split=test', f'training.iterations={self.iterations}',
                f'output.checkpointEvery={self.every} iterations', 'output.keep=1000', 'output.sampleEvery=never',
                'evaluation.every=never', f'width={self.width}', f'training.batch={self.batch}', *self.values])
        elif not self.samples(self.iterations).exists():
            common.run([
                sys.executable, common.ROOT / 'benchmarks/pytorch_train.py', '--system', self.peer, '--data', self.study.data,
                '--split', 'test', '--iterations', self.iterations, '--every', self.every, '--samples', COUNT, '--seed', self.seed,
                '--width', self.width, '--batch', self.batch, '--output', self.folder])

    def samples(self, iteration):
        """The file of the samples at an iteration, which is drawn where it is missing."""
        path = self.folder / f'samples-{iteration:06d}.npy'
        if self.way == 'ours' and not path.exists():
            common.run([
                self.study.program, 'sample', self.folder / 'run', '--step', iteration, '--count', COUNT, '--format', 'npy', '-o', path])
            path.with_name(path.stem + '-noise.npy').unlink()
        return path

    def metrics(self):
        """W distance, None where the loss has none, and seconds by iteration."""
        path = self.folder / ('run/metrics.csv' if self.way == 'ours' else 'metrics.csv')
        rows = [{key.split()[0]: value for key, value in row.items()} for row in csv.DictReader(open(path))]
        return [float(row['w_distance']) if row.get('w_distance') else None for row in rows], [float(row['seconds']) for row in rows]

    def scores(self):
        """Writes the scores by iteration, the mean W distance of the ten iterations up to each, and seconds an iteration."""
        found = {'iterations': [], 'w': [], **{name: [] for name in SCORES}}
        distances, seconds = self.metrics()
        for iteration in range(self.every, self.iterations + 1, self.every):
            measured = self.study.score(self.samples(iteration), self.system)
            for name in SCORES:
                found[name].append(measured[name])
            found['iterations'].append(iteration)
            last = distances[iteration - 10:iteration]
            found['w'].append(None if None in last else float(numpy.mean(last)))
        found['seconds'] = common.median(seconds)
        (self.folder / 'scores.json').write_text(json.dumps(found) + '\n')

    def run(self):
        if (self.folder / 'scores.json').exists():
            return
        self.train()
        self.scores()
        common.say(f'{self.system}, {self.way}, seed {self.seed}: done')


class Study:
    def __init__(self, options):
        self.work, self.data, self.program = options.work.resolve(), options.data.resolve(), options.program.resolve()
        self.network = self.work / 'digits-resized.yaml'
        self.cells = [Cell(self, system, way, seed) for seed in SEEDS for system in SYSTEMS for way in WAYS]

    def prepare(self):
        """The feature network and the digits that are compared with, as far as they are missing."""
        self.work.mkdir(parents=True, exist_ok=True)
        images = pytorch_train.digits(self.data, 'test')
        chosen = numpy.random.default_rng(0).permutation(len(images))
        for size in (28, 32):
            reals = pytorch_train.resized(images[chosen[:2 * COUNT]], (size, size))
            numpy.save(self.work / f'reals-{size}.npy', reals[:COUNT])
            numpy.save(self.work / f'other-{size}.npy', reals[COUNT:])
        if not (self.work / 'digits.yaml').exists():
            self.train_classifier(images)
        text = (self.work / 'digits.yaml').read_text()
        self.network.write_text(text.replace('resize: none', 'resize: pillowBilinear'))
        self.classifier = text.splitlines()[0].lstrip('# ')

    def train_classifier(self, images):
        labels = pytorch_train.labels(self.data, 'test')
        folder = self.work / 'digits'
        folder.mkdir(exist_ok=True)
        for name, part in ('train', slice(0, -1000)), ('t10k', slice(-1000, None)):
            few = images[part]
            (folder / f'{name}-images-idx3-ubyte').write_bytes(struct.pack('>4i', 2051, *few.shape) + few.tobytes())
            (folder / f'{name}-labels-idx1-ubyte').write_bytes(struct.pack('>2i', 2049, len(few)) + labels[part].tobytes())
        common.run([
            self.program, 'evaluate', 'train-classifier', '--config', common.ROOT / 'configs/classifiers/mnist.yaml',
            '--output', self.work / 'digits.yaml', f'data.path={folder}', 'training.epochs=10', 'training.threads=2'])

    def score(self, samples, system):
        """What `evaluate` says of a file of samples."""
        size = 32 if system == 'clip' else 28
        found = common.run_json([
            self.program, 'evaluate', '--reals', self.work / f'reals-{size}.npy', '--samples', samples, '--layout',
            'nchw' if numpy.load(samples, mmap_mode='r').ndim == 4 else 'nhwc', '--range=-1,1', '--features', self.network,
            '--scores', 'fid,prdc', '--json'])
        return {column.split()[0]: value for columns in found['scores'].values() for column, value in columns.items()}

    def floor(self, system):
        """The scores of other digits: what a perfect generator would get."""
        return self.score(self.work / f'other-{32 if system == "clip" else 28}.npy', system)

    def train(self):
        """One job of each program at a time."""
        def run(way):
            for cell in self.cells:
                if cell.way == way:
                    cell.run()
        with concurrent.futures.ThreadPoolExecutor(2) as jobs:
            for done in [jobs.submit(run, way) for way in WAYS]:
                done.result()


# ---- table and pictures --------------------------------------------------------------------------------------------------------

COLORS = {'ours': 'tab:blue', 'pytorch': 'tab:orange'}
WITH_DISTANCE = ('penalty', 'clip')


def collect(study):
    """{system: {way: {seed: scores}}} of the cells that are done."""
    found = {}
    for cell in study.cells:
        if (cell.folder / 'scores.json').exists():
            found.setdefault(cell.system, {}).setdefault(cell.way, {})[cell.seed] = json.loads((cell.folder / 'scores.json').read_text())
    return found


def values(seeds, name):
    """Seeds x iterations."""
    return numpy.array([scores[name] for scores in seeds.values()])


def span(column):
    return f'{column.mean():.3g} ({column.min():.3g} to {column.max():.3g})' if len(column) > 1 else f'{column[0]:.3g}'


def apart(a, b, name):
    """The mean over iterations of the difference of two runs: of FID relative, by its logarithm."""
    both = min(len(a[name]), len(b[name]))
    x, y = (numpy.array(scores[name][:both]) for scores in (a, b))
    return float(numpy.abs(numpy.log(x / y) if name == 'fid' else x - y).mean())


def distances(ways, name):
    """Means over pairs of runs of one program with two seeds, and over pairs of one of each program; none is NaN."""
    ours, theirs = (list(ways[way].values()) for way in WAYS)
    seeds = [apart(a, b, name) for runs in (ours, theirs) for a, b in itertools.combinations(runs, 2)]
    programs = [apart(a, b, name) for a in ours for b in theirs]
    return [sum(values) / len(values) if values else float('nan') for values in (seeds, programs)]


def rank_correlation(a, b):
    """Spearman's, of values that are all different."""
    return float(numpy.corrcoef(numpy.argsort(numpy.argsort(a)), numpy.argsort(numpy.argsort(b)))[0, 1])


def score_rows(found):
    """At the last iteration of both programs, and at the last one."""
    for system, ways in found.items():
        iterations = [next(iter(seeds.values()))['iterations'] for seeds in ways.values()]
        for iteration in sorted({each[-1] for each in iterations}):
            for way, seeds in ways.items():
                each = next(iter(seeds.values()))['iterations']
                if iteration in each:
                    column = each.index(iteration)
                    yield [SYSTEMS[system][0], iteration, WAYS[way], len(seeds), *(span(values(seeds, name)[:, column]) for name in SCORES)]


def agreement_rows(found):
    for system, ways in found.items():
        if len(ways) == 2:
            cells = ['one seed' if numpy.isnan(value) else f'{100 * value:.0f} %' if name == 'fid' else f'{value:.3f}'
                     for name in SCORES for value in distances(ways, name)]
            yield [SYSTEMS[system][0], ' + '.join(str(len(ways[way])) for way in WAYS), *cells]


def distance_rows(found):
    for system in WITH_DISTANCE:
        for way, seeds in found.get(system, {}).items():
            pairs = [(scores['w'], scores['fid']) for scores in seeds.values()]
            yield [SYSTEMS[system][0], WAYS[way], span(values(seeds, 'w')[:, 0]), span(values(seeds, 'w')[:, -1]),
                   ', '.join(f'{rank_correlation(w, fid):.2f}' for w, fid in pairs)]


def fid_axis(axes):
    from matplotlib import ticker
    axes.set_yscale('log')
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter('{x:g}'))
    axes.minorticks_off()


def plot(found, floors, path):
    """A column a system, a row a score: the mean of the seeds in their range."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    titles = {'fid': 'FID of the classifier', 'precision': 'precision', 'recall': 'recall'}
    figure, rows = pyplot.subplots(3, len(found), figsize=(3.3 * len(found), 8), squeeze=False, sharey='row', sharex='col', constrained_layout=True)
    for row, (name, title) in zip(rows, titles.items()):
        for axes, (system, ways) in zip(row, found.items()):
            for way, seeds in ways.items():
                iterations, y = next(iter(seeds.values()))['iterations'], values(seeds, name)
                axes.fill_between(iterations, y.min(0), y.max(0), color=COLORS[way], alpha=0.2, linewidth=0)
                axes.plot(iterations, y.mean(0), '-' if way == 'ours' else '--', color=COLORS[way], label=WAYS[way])
            if name == 'fid':  # far below the curves
                fid_axis(axes)
                axes.text(0.03, 0.04, f'other real digits: {floors[system][name]:.1f}', transform=axes.transAxes, color='gray')
            else:
                axes.axhline(floors[system][name], color='gray', linestyle=':', label='other real digits')
            axes.grid(alpha=0.3)
        row[0].set_ylabel(title)
    for axes, system in zip(rows[0], found):
        axes.set_title(SYSTEMS[system][0])
    for axes in rows[-1]:
        axes.set_xlabel('iterations')
    rows[2][0].legend(fontsize='small', loc='center left')
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def plot_distances(found, path):
    """The score against the W distance; a line a run, from its first scored iteration to the last, which has a dot."""
    from matplotlib import pyplot
    systems = [system for system in WITH_DISTANCE if system in found]
    figure, (row,) = pyplot.subplots(1, len(systems), figsize=(4.5 * len(systems), 4), squeeze=False, sharey='row', constrained_layout=True)
    for axes, system in zip(row, systems):
        for way, seeds in found[system].items():
            for number, scores in enumerate(seeds.values()):
                axes.plot(scores['w'], scores['fid'], '-' if way == 'ours' else '--', marker='o', markevery=[-1], color=COLORS[way],
                          label=WAYS[way] if number == 0 else None)
        axes.set(title=SYSTEMS[system][0], xlabel='W distance, mean of ten iterations')
        fid_axis(axes)
        axes.grid(alpha=0.3)
        axes.legend(fontsize='small')
    row[0].set_ylabel('FID of the classifier')
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def write(options, study):
    found = collect(study)
    options.results.mkdir(parents=True, exist_ok=True)
    floors = {system: study.floor(system) for system in found}
    environment = common.environment(options.program, sys.executable)
    plot(found, floors, options.results / 'study.png')
    plot_distances(found, options.results / 'study-w-distance.png')
    data = {'environment': environment, 'classifier': study.classifier, 'systems': SYSTEMS, 'otherDigits': floors, 'scores': found}
    sizes = [[title, config, width, batch, ours, theirs, every, ' '.join(more)]
             for title, config, _, width, batch, theirs, ours, every, more in SYSTEMS.values()]
    real = [[SYSTEMS[system][0], *(f'{floor[name]:.3g}' for name in SCORES)] for system, floor in floors.items()]
    page = common.heading('Four systems on 10,000 digits, beside PyTorch', environment) + f"""
{study.classifier} Scores are of {COUNT} samples against {COUNT} digits; mean of the seeds (smallest to largest).

![FID, precision and recall against iterations](study.png)

At the last scored iteration of both programs, and at the last of all:

{common.table(['system', 'iterations', 'program', 'seeds', 'FID', 'precision', 'recall'], [*score_rows(found)])}

{COUNT} other digits have:

{common.table(['compared as for', 'FID', 'precision', 'recall'], real)}

How far two runs are apart, the mean over the iterations that both programs have, of FID in per cent: two seeds of one program, and one
run of each program. If both do the same, neither is larger but by chance.

{common.table(['system', 'seeds', 'FID, seeds', 'programs', 'precision, seeds', 'programs', 'recall, seeds', 'programs'], [*agreement_rows(found)])}

W distance (mean of ten iterations) at the first and last scored iteration, and its rank correlation with FID over those iterations, by seed:

![FID against the W distance](study-w-distance.png)

{common.table(['system', 'program', 'W, first', 'W, last', 'rank correlation with FID'], [*distance_rows(found)])}

What was run:

{common.table(['system', 'configuration', 'width', 'batch', 'iterations', 'of PyTorch', 'scored every', 'other values'], sizes)}
"""
    common.write(options.results, 'study', data, page)


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--data', type=pathlib.Path, default=common.ROOT / 'data/mnist', help='the folder of MNIST\'s files')
    parser.add_argument('--work', type=pathlib.Path, default=pathlib.Path('study'), help='the folder for runs and samples')
    parser.add_argument('--only-results', action='store_true', help='train nothing: tables and picture of what is there')
    options = parser.parse_args()
    study = Study(options)
    study.prepare()
    if not options.only_results:
        study.train()
    write(options, study)


if __name__ == '__main__':
    main()
