#!/usr/bin/env python3
"""Seconds an iteration by ranks, batch, width and image size, one varied at a time, with the shares of compute, exchange and
waiting, and the memory of a rank: jobs of `wgangp-dist bench --json`. Writes benchmarks/results/scaling.json, scaling.md and,
where matplotlib is installed, scaling.png.

  benchmarks/scaling.py                                            # the Fashion-MNIST system
  benchmarks/scaling.py --rounds 1 --ranks 1,2 --widths none --sizes none training.criticSteps=1
  benchmarks/scaling.py --launcher 'mpirun -n {ranks} --hostfile hosts' --ranks 1,4,16 --name scaling-cluster
  benchmarks/scaling.py --from benchmarks/results/scaling.json --name again     # table and plot of results that are there

Batch, width and image size are varied on 1 rank, and on the most of the ranks that have a core each. A configuration's layers
fit one size of images; sizes are those of the program's own network (`bench --image-size`), for which overrides do not hold.
All jobs take turns, --rounds times; tables have the medians.

Expected time: 5 minutes a round on two cores.
"""
import json
import pathlib
import sys

import common

AXES = ('ranks', 'batch', 'width', 'image')
SHARES = ('computeShare', 'exchangeShare', 'waitingShare')


# ---- what is asked for ---------------------------------------------------------------------------------------------------------

def numbers(text):
    """1,2,4 as numbers, none as an empty list."""
    if text == 'none':
        return []
    words = text.split(',')
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise common.argparse.ArgumentTypeError(f"expected such as 1,2,4 or none, found '{text}'")
    return [int(word) for word in words]


def arguments():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION), help="the configuration (default: Fashion-MNIST's)")
    parser.add_argument('--ranks', type=numbers, help='default: 1,2,4,8, as far as the shards allow')
    parser.add_argument('--batches', type=numbers, help="default: 1/4, 1/2, 1 and 2 of the configuration's; none leaves them out")
    parser.add_argument('--widths', type=numbers, help="default: 1/4, 1/2 and 1 of the configuration's")
    parser.add_argument('--sizes', type=numbers, default=[16, 32, 64], help='pixels of a side, multiples of 8 (default: 16,32,64)')
    parser.add_argument('--rounds', type=int, default=3, help='times to run every job (3)')
    parser.add_argument('--iterations', type=int, default=3, help='timed iterations of a job (3)')
    parser.add_argument('--warmup', type=int, default=1, help='iterations before those (1)')
    parser.add_argument('--shares', type=int, default=3, help='further iterations that tell the shares (3)')
    parser.add_argument('--launcher', help='what starts a job, with {ranks} for their number (default: mpirun on this machine)')
    parser.add_argument('--name', default='scaling', help="the results' name (scaling)")
    parser.add_argument('--from', dest='files', nargs='+', type=pathlib.Path, metavar='FILE', help='results that are there, instead of measuring')
    parser.add_argument('overrides', nargs='*', metavar='key=value', help='over the configuration, for all jobs but image sizes')
    options = parser.parse_args()
    if options.rounds < 1 or options.iterations < 1 or options.warmup < 0 or options.shares < 0:
        parser.error('--rounds and --iterations must be at least 1, --warmup and --shares at least 0')
    if options.launcher and '{ranks}' not in options.launcher:
        parser.error(f"--launcher must contain {{ranks}}, found '{options.launcher}'")
    wrong = [size for size in options.sizes if size % 8 != 0 or not 8 <= size <= 512]
    if wrong:
        parser.error(f'--sizes: {wrong[0]} is not a multiple of 8 from 8 to 512')
    return options


def part_counts(shards):
    """The numbers of ranks that the shards' reduction tree allows: 1, and odd * 2^j up to the shards."""
    odd = shards // (shards & -shards)
    counts = [odd]
    while counts[-1] < shards:
        counts.append(2 * counts[-1])
    return counts if odd == 1 else [1, *counts]


def plan(options, base, cores):
    """(axis, value, job) of every point, a job being (ranks, overrides, image size).

    base: What bench says of the configuration as it is.
    """
    allowed = part_counts(base['shards'])
    ranks = [count for count in (1, 2, 4, 8) if count in allowed] if options.ranks is None else options.ranks
    for count in ranks:
        if count not in allowed:
            common.fail(f'--ranks: {count} ranks cannot take equal parts of {base["shards"]} shards; expected from '
                        + ', '.join(map(str, allowed)))
    batch, width = base['batch'], base.get('width')
    batches = options.batches
    if batches is None:
        batches = [value for value in (batch // 4, batch // 2, batch, 2 * batch) if value >= base['shards']]
    for value in batches:
        if value < base['shards']:
            common.fail(f'--batches: {value} is below training.shards = {base["shards"]}')
    if options.widths and not width:
        common.fail("--widths: the configuration has no 'width' that sizes are multiples of")
    widths = options.widths
    if widths is None:
        widths = [value for value in (width // 4, width // 2, width) if value] if width else []
    most = max((count for count in ranks or allowed if count <= cores // base['threads']), default=1)
    points = [('ranks', count, (count, (), None)) for count in sorted(ranks)]
    for count in sorted({1, most}):
        # The configuration's own value needs no override: the job is one of the axis of ranks.
        points += [('batch', value, (count, () if value == batch else (f'training.batch={value}',), None)) for value in sorted(batches)]
        points += [('width', value, (count, () if value == width else (f'width={value}',), None)) for value in sorted(widths)]
        points += [('image', value, (count, (), value)) for value in sorted(options.sizes)]
    return points


# ---- measuring -----------------------------------------------------------------------------------------------------------------

def bench(options, job, threads):
    ranks, overrides, size = job
    common_overrides = options.overrides if size is None else [word for word in options.overrides if word.startswith('training.threads=')]
    return common.run_json([
        *common.launcher(ranks, threads, options.launcher), options.program, 'bench', '--json',
        *(['--image-size', size] if size else ['--config', options.config]), '--iterations', options.iterations,
        '--warmup', options.warmup, '--shares', options.shares, *common_overrides, *overrides])


def combined(results):
    """Several runs of one job as one: medians of seconds and shares, smallest minimum, largest maximum and memory."""
    ordered = sorted(results, key=lambda result: result['medianSeconds'])
    # What is no number of its own (names, exchanges) is of the run in the middle.
    made = dict(ordered[(len(ordered) - 1) // 2])
    seconds = common.median([result['medianSeconds'] for result in results])
    for key in ('imagesPerSecond', 'directGFLOPPerSecond'):
        made[key] *= made['medianSeconds'] / seconds
    made['medianSeconds'] = seconds
    made['minSeconds'] = min(result['minSeconds'] for result in results)
    made['maxSeconds'] = max(result['maxSeconds'] for result in results)
    made['peakMegabytesPerRank'] = max(result['peakMegabytesPerRank'] for result in results)
    made['iterations'] = sum(result['iterations'] for result in results)
    if all(share in result for result in results for share in SHARES):
        for share in SHARES[1:]:
            made[share] = common.median([result[share] for result in results])
        # Medians of three shares need not add up to 1.
        made['computeShare'] = 1 - made['exchangeShare'] - made['waitingShare']
    return made


def measure(options):
    base = common.run_json([
        options.program, 'bench', '--json', '--config', options.config, '--iterations', 1, '--warmup', 0, '--shares', 0, *options.overrides])
    cores = common.cores()
    points = plan(options, base, cores)
    jobs = list(dict.fromkeys(job for _, _, job in points))
    results = {job: [] for job in jobs}
    for number in range(options.rounds):
        for place, job in enumerate(jobs):
            results[job].append(bench(options, job, base['threads']))
            ranks, overrides, size = job
            what = ' '.join([*overrides, *([f'image size {size}'] if size else [])]) or 'as it is'
            common.say(f'round {number + 1}/{options.rounds}, job {place + 1}/{len(jobs)}: {ranks} rank{"s" if ranks > 1 else ""}, {what}: '
                       f'{results[job][-1]["medianSeconds"]:.4f} s')
    return {
        'cores': cores, 'command': command(), 'rounds': options.rounds, 'iterations': options.iterations,
        'points': [{'axis': axis, 'value': value, 'roundSeconds': [result['medianSeconds'] for result in results[job]],
                    'result': combined(results[job])} for axis, value, job in points]}


def command():
    """This script's command line with paths that mean something elsewhere: below the project's folder, or a name alone."""
    root = f'{common.ROOT}/'
    return [word.removeprefix(root) if word.startswith(root) else word.rsplit('/', 1)[-1] if word.startswith('/') else word
            for word in [f'{root}benchmarks/scaling.py', *sys.argv[1:]]]


# ---- table and plot ------------------------------------------------------------------------------------------------------------

def along(data, axis):
    """The points of an axis, ordered by ranks and value."""
    points = [point for point in data['points'] if point['axis'] == axis]
    return sorted(points, key=lambda point: (point['result']['ranks'], point['value']))


def speed_up(data, point):
    """The seconds of 1 rank / those of this point, where 1 rank was measured at the same place."""
    axis = point['axis']
    for one in data['points']:
        if one['axis'] == axis and one['result']['ranks'] == 1 and (axis == 'ranks' or one['value'] == point['value']):
            return one['result']['medianSeconds'] / point['result']['medianSeconds']
    return None


def subject(data, axis):
    """What all points of an axis have in common: fashion-mnist-wgan-gp, 1x28x28, width 64."""
    first = along(data, axis)[0]['result']
    parts = [first['name']]
    parts += [] if axis == 'image' else [first['image']]
    parts += [f'width {first["width"]}'] if axis != 'width' and first.get('width') else []
    parts += [] if axis == 'batch' else [f'batch {first["batch"]}']
    parts += [f'{first["threads"]} threads a rank'] if first['threads'] > 1 else []
    return ', '.join(parts)


def markdown(data):
    """A table an axis."""
    pages = []
    for axis in AXES:
        points = along(data, axis)
        if not points:
            continue
        title = 'image size' if axis == 'image' else axis
        rows = []
        for point in points:
            result, gain = point['result'], speed_up(data, point)
            rows.append([
                *([] if axis == 'ranks' else [point['value']]), result['ranks'],
                *(f'{result[key]:.4f}' for key in ('medianSeconds', 'minSeconds', 'maxSeconds')),
                f'{result["imagesPerSecond"]:.1f}', f'{result["directGFLOPPerSecond"]:.1f}', '' if gain is None else f'{gain:.2f}',
                *(f'{100 * result[share]:.1f}' if share in result else '' for share in SHARES), f'{result["peakMegabytesPerRank"]:.0f}'])
        head = [*([] if axis == 'ranks' else [title]), 'ranks', 's an iteration', 'min', 'max', 'images/s', 'GFLOP/s', 'speed-up',
                'compute %', 'exchange %', 'waiting %', 'MB a rank']
        pages.append(f'By {title} ({subject(data, axis)}):\n\n' + common.table(head, rows))
    return '\n\n'.join(pages)


def plot(data, path):
    """A row an axis: seconds with the range of the rounds on the left, shares on the right. False without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        common.say('no plot: matplotlib is missing (python3 -m pip install matplotlib, or Debian: apt-get install python3-matplotlib)')
        return False
    matplotlib.use('Agg')
    from matplotlib import pyplot
    axes = [axis for axis in AXES if along(data, axis)]
    figure, rows = pyplot.subplots(len(axes), 2, figsize=(10, 3.2 * len(axes)), squeeze=False, constrained_layout=True)
    labels = {'ranks': f'ranks, on {data["cores"]} cores', 'batch': 'batch', 'width': 'width, channels', 'image': 'pixels each way'}
    for axis, (left, right) in zip(axes, rows):
        points = along(data, axis)
        series = {}
        for point in points:
            name = 'measured' if axis == 'ranks' else f'{point["result"]["ranks"]} rank{"s" if point["result"]["ranks"] > 1 else ""}'
            series.setdefault(name, []).append(point)
        for name, members in series.items():
            x, y = [point['value'] for point in members], [point['result']['medianSeconds'] for point in members]
            around = [[point['result']['medianSeconds'] - point['result']['minSeconds'] for point in members],
                      [point['result']['maxSeconds'] - point['result']['medianSeconds'] for point in members]]
            left.errorbar(x, y, yerr=around, marker='o', markersize=4, capsize=3, label=name)
        one = next((point for point in points if point['value'] == 1), None)
        if axis == 'ranks' and one:  # one rank's seconds, divided by the cores that the ranks keep busy
            busy = [min(point['value'], max(1, data['cores'] // point['result']['threads'])) for point in points]
            left.plot([point['value'] for point in points], [one['result']['medianSeconds'] / count for count in busy], '--', color='gray', label='ideal')
        values = sorted({point['value'] for point in points})
        left.set(xscale='log', yscale='log', xlabel=labels[axis], ylabel='seconds an iteration', title=f'{axis.capitalize()}: {subject(data, axis)}')
        left.set_xticks(values, [str(value) for value in values])
        left.minorticks_off()
        left.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 3, 5, 7)))
        left.yaxis.set_major_formatter(matplotlib.ticker.StrMethodFormatter('{x:g}'))
        left.legend(fontsize='small')
        left.grid(alpha=0.3)
        shown = [point for point in points if all(share in point['result'] for share in SHARES)]
        base = [0.0] * len(shown)
        for share, color in zip(SHARES, ('tab:green', 'tab:orange', 'tab:gray')):
            heights = [100 * point['result'][share] for point in shown]
            right.bar(range(len(shown)), heights, bottom=base, color=color, label=share.removesuffix('Share'))
            base = [low + height for low, height in zip(base, heights)]
        right.set_xticks(range(len(shown)), [
            f'{point["value"]}' if axis == 'ranks' else f'{point["value"]}\n{point["result"]["ranks"]}r' for point in shown], fontsize='small')
        right.set(ylabel='% of the ranks\' time', ylim=(0, 100), xlabel=labels[axis] + ('' if axis == 'ranks' else '; below, ranks'))
        if shown:
            right.legend(fontsize='small', loc='lower left')
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True


def main():
    options = arguments()
    if options.files:
        try:
            read = [json.loads(path.read_text()) for path in options.files]
            data = {**read[0], 'points': [point for other in read for point in other['points']]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            common.fail(f'{", ".join(map(str, options.files))}: expected the JSON that this script writes: {error!r}')
    else:
        environment = common.environment(options.program)
        data = {**measure(options), 'machine': environment}
    if not data['points']:
        common.fail('there is nothing to measure: all axes were left out')
    options.results.mkdir(parents=True, exist_ok=True)
    picture = options.results / f'{options.name}.png'
    has_picture = plot(data, picture)
    rounds = len(data['points'][0]['roundSeconds'])
    note = (f'\nMedians of {rounds} round{"s" if rounds > 1 else ""} of {data["points"][0]["result"]["iterations"] // rounds} iterations; more ranks than cores '
            'take turns on them. GFLOP/s as direct convolutions count.\n\n')
    note += f'![scaling]({options.name}.png)\n\n' if has_picture else ''
    common.write(options.results, options.name, data, common.heading('Scaling', data['machine']) + note + markdown(data))


if __name__ == '__main__':
    main()
