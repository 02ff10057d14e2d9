#!/usr/bin/env python3
"""The cost model of docs/scaling.md: seconds an iteration of the Fashion-MNIST system on N ranks, from what was measured on few.

  benchmarks/model.py --calibrate            # results/{compute,efficiency,exchange-*,scaling}.json -> benchmarks/model.json
  benchmarks/model.py                        # the page's tables, and the predictions beside results/scaling*.json
  benchmarks/model.py --update docs/scaling.md     # the same, written into the page between its marks

With S shards, batch B and N ranks on C cores, p = N / C (at least 1) ranks to a core:

  iteration = p slowdown (a + b S / N + c B / N) (1 + waiting) + sum over the exchanges (latency + bytes x seconds a byte)

a, b, c: seconds a rank, a shard and a sample (compute.py). slowdown: what busy cores cost each other (efficiency.py). waiting: for
a slower rank, where the machine does something else too. The exchanges of an iteration are counted by `bench`.
"""
import argparse
import json
import math
import pathlib
import re

import common

CONSTANTS = common.ROOT / 'benchmarks/model.json'

# Of networks that were not here: round figures of their kind. Latency of a message, seconds; what each further message costs its
# rank's core, seconds; bytes a second of a node's cable.
ASSUMED = {
    'ranksPerNode': 32,
    'networks': {
        '10 Gbit/s': {'latency': 20e-6, 'message': 3e-6, 'bytesPerSecond': 1.25e9},
        '100 Gbit/s': {'latency': 5e-6, 'message': 1e-6, 'bytesPerSecond': 12.5e9},
    },
    # What all ranks of a node can copy together.
    'nodeMemoryBytesPerSecond': 100e9,
}


# Up to so many ranks a small sum is gathered, above it goes by halves (MPICommunicator).
GATHERED_RANKS = 16


def load(path):
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        common.fail(f'{path}: {error}')


# ---- constants -----------------------------------------------------------------------------------------------------------------

def fits(run):
    """latency (seconds) and secondsPerByte of the gathers and sums that training would use, from a run of bench --exchange."""
    found = {}
    if 'smallSums' in run:
        small = 'gathered' if run['ranks'] <= GATHERED_RANKS else 'byHalves'
        points = [(8 * timing['values'], 1e-6 * timing[small]['median']) for timing in run['smallSums']]
        latency, slope = common.nonnegative_least_squares([[1, x] for x, _ in points], [y for _, y in points])
        found['smallSum'] = {'latency': latency, 'secondsPerByte': slope}
    for what, key, size in (('sum', 'sums', 4), ('gather', 'gathers', 8)):
        two = run['exchange'].startswith('two-level')
        # The longest vectors are far beyond a network's; they leave the caches.
        points = [(size * timing['values'], 1e-6 * ((two and timing.get('twoLevel')) or timing['flat'])['median'])
                  for timing in run[key] if timing['values'] < 5e6]
        latency, slope = common.nonnegative_least_squares([[1, x] for x, _ in points], [y for _, y in points])
        found[what] = {'latency': latency, 'secondsPerByte': slope}
    # What was measured before small sums had a way of their own: gathers, up to 16 ranks.
    found.setdefault('smallSum', found['gather'])
    return found


def calibrate(results):
    compute = load(results / 'compute.json')
    efficiency = load(results / 'efficiency.json')
    scaling = load(results / 'scaling.json')
    joined = {}
    for path in sorted(results.glob('exchange-*.json')):
        data = load(path)
        joined[data['label']] = {'note': data['note'], 'ranks': {str(run['ranks']): fits(run) for run in data['runs']}}
    if 'shared' not in joined:
        common.fail(f'{results}/exchange-shared.json is missing: run benchmarks/exchange.py')
    # Not from the system that is predicted: from the program's own network, in the same study.
    waiting = [point['result']['waitingShare'] / point['result']['computeShare'] for point in scaling['points']
               if point['axis'] == 'image' and point['result']['ranks'] > 1]
    two = [point for point in load(results / 'growth-shared.json')['points'] if (point['kind'], point['ranks']) == ('strong', 2)]
    if not two:
        common.fail('growth-shared.json has no strong point of 2 ranks, whose exchanges are counted')
    exchanges = [{key: exchange[key] for key in ('kind', 'bytes', 'callsPerIteration')} for exchange in two[0]['exchanges']]
    return {
        'environment': compute['environment'],
        'system': {'name': two[0]['name'], 'batch': two[0]['batch'], 'shards': 8, 'exchanges': exchanges},
        'secondsPerRank': compute['secondsPerRank'], 'secondsPerShard': compute['secondsPerShard'],
        'secondsPerSample': compute['secondsPerSample'],
        'slowdown': max(1, efficiency['ratios']['two copies at once / 1 rank']['median']),
        'waiting': common.median(waiting) if waiting else 0,
        'exchange': joined,
        'assumed': ASSUMED,
    }


# ---- the model -----------------------------------------------------------------------------------------------------------------

class Model:
    def __init__(self, constants):
        self.constants = constants
        self.exchanges = constants['system']['exchanges']

    def compute(self, ranks, batch, shards, busy=True):
        """Seconds of a rank that has a core for itself."""
        k = self.constants
        alone = k['secondsPerRank'] + k['secondsPerShard'] * shards / ranks + k['secondsPerSample'] * batch / ranks
        return alone * (k['slowdown'] if busy else 1)

    def measured_exchange(self, ranks, label):
        """Seconds of an iteration's exchanges with the constants that were measured for so many ranks."""
        if ranks == 1:
            return 0
        fit = self.constants['exchange'][label]['ranks'][str(ranks)]
        return sum(exchange['callsPerIteration'] * (fit[exchange['kind']]['latency'] + exchange['bytes'] * fit[exchange['kind']]['secondsPerByte'])
                   for exchange in self.exchanges)

    def predict(self, ranks, batch, shards, cores, label='shared', speed=1):
        """(compute, waiting, exchange) seconds of a case that can be measured.

        speed: What compute took longer in the study of the case than when the constants were measured.
        """
        if ranks == 1:
            return speed * self.compute(1, batch, shards, busy=False), 0, 0
        stacked = max(1, ranks / cores)
        compute = speed * stacked * self.compute(ranks, batch, shards)
        return compute, compute * self.constants['waiting'], self.measured_exchange(ranks, label)

    # Larger jobs: N ranks, R of them on a node, K nodes.

    def seconds_of(self, exchange, ranks, per_node, network, way):
        """Seconds of one call of an exchange.

        way: flat and two-level gather small sums; halves (by two levels where a node has several ranks) goes up the tree.
        """
        net = self.constants['assumed']['networks'][network]
        nodes = ranks // per_node
        latency, seconds_per_byte = self.inside()
        # A copy inside a node: what one rank's takes, or its share of the node's memory.
        copy = max(seconds_per_byte, per_node / self.constants['assumed']['nodeMemoryBytesPerSecond'])
        cable = 1 / net['bytesPerSecond']
        size = exchange['bytes']
        if exchange['kind'] == 'sum':
            if way == 'flat' or per_node == 1:
                step = (net['latency'] if nodes > 1 else latency) + (ranks - per_node) * net['message'] + (per_node - 1) * latency
                step += (per_node - 1) * size / ranks * copy + per_node * (ranks - per_node) * size / ranks * cable
            else:
                step = (per_node - 1) * latency + (per_node - 1) * size / per_node * copy
                if nodes > 1:
                    step += net['latency'] + (nodes - 1) * net['message'] + (nodes - 1) / nodes * size * cable
            return 2 * step
        if exchange['kind'] == 'smallSum' and way == 'halves':
            seconds = 2 * math.log2(per_node) * (latency + size * copy) if per_node > 1 else 0
            return seconds + math.ceil(math.log2(nodes)) * (net['latency'] + net['message'] + size * cable)
        if exchange['kind'] == 'gather':
            # The ranks' blocks of one vector, of which each has its part: counted on 2 ranks.
            size *= 2 / ranks
        if way == 'flat' or per_node == 1:
            # Up to 16 ranks a message to each; above, MPI's collective: log2(N) steps, the same bytes.
            messages = (ranks - 1) if ranks <= 16 else math.ceil(math.log2(ranks))
            seconds = (net['latency'] if nodes > 1 else 0) + messages * (net['message'] if nodes > 1 else latency)
            seconds += (ranks - 1) * size * copy + per_node * (ranks - per_node) * size * cable
        else:
            seconds = (per_node - 1) * latency + (per_node - 1) * nodes * size * copy
            if nodes > 1:
                seconds += net['latency'] + (nodes - 1) * net['message'] + per_node * (nodes - 1) * size * cable
        return seconds + (ranks * size * copy if exchange['kind'] == 'smallSum' else 0)  # every rank adds all vectors

    def inside(self):
        """latency, seconds a message and a byte inside a node: of 2 ranks in shared memory."""
        fit = self.constants['exchange']['shared']['ranks']['2']
        return fit['smallSum']['latency'], fit['sum']['secondsPerByte']

    def large_exchange(self, ranks, network, way, per_node=None, hidden=()):
        """Seconds of an iteration's exchanges, but of the kinds that are hidden behind compute."""
        per_node = min(ranks, per_node or self.constants['assumed']['ranksPerNode'])
        return sum(exchange['callsPerIteration'] * self.seconds_of(exchange, ranks, per_node, network, way)
                   for exchange in self.exchanges if exchange['kind'] not in hidden)

    def efficiency(self, ranks, samples, network, way, per_node=None, hidden=()):
        """Of `ranks` ranks with so many samples each, one shard a rank: compute / (compute + exchange)."""
        compute = self.compute(ranks, samples * ranks, ranks)
        return compute / (compute + self.large_exchange(ranks, network, way, per_node, hidden))


# ---- tables --------------------------------------------------------------------------------------------------------------------

def exchanges_table(model):
    total = sum(exchange['callsPerIteration'] * exchange['bytes'] for exchange in model.exchanges)
    rows = [[exchange['kind'], f'{exchange["bytes"]}', f'{exchange["callsPerIteration"]:g}', f'{exchange["callsPerIteration"] * exchange["bytes"] / 1e3:.1f}']
            for exchange in sorted(model.exchanges, key=lambda exchange: (exchange['kind'], exchange['bytes']))]
    small = [exchange for exchange in model.exchanges if exchange['kind'] != 'sum']
    count = sum(exchange['callsPerIteration'] for exchange in small)
    kilobytes = sum(exchange['callsPerIteration'] * exchange['bytes'] for exchange in small) / 1e3
    return common.table(['exchange', 'bytes of a rank', 'calls an iteration', 'kB an iteration'], rows) + (
        f'\n\n{count:g} small ones of together {kilobytes:.0f} kB a rank, and '
        f'{sum(e["callsPerIteration"] for e in model.exchanges) - count:g} sums of together {total / 1e6 - kilobytes / 1e3:.1f} MB.')


def constants_table(model):
    k = model.constants
    machine = k['environment']
    lines = [
        f'{machine["processor"]}, {machine["cores"]} cores, {machine["program"]} ({machine["commit"]}), {machine["openMPI"]}, kernels '
        f'{machine["kernels"]}, {machine["date"]}.', '',
        common.table(['constant', 'value'], [
            ['a, of a rank', f'{1e3 * k["secondsPerRank"]:.1f} ms'],
            ['b, of a shard', f'{1e3 * k["secondsPerShard"]:.2f} ms'],
            ['c, of a sample', f'{1e3 * k["secondsPerSample"]:.3f} ms'],
            ['slowdown of two busy cores', f'{k["slowdown"]:.3f}'],
            ['waiting, of compute', f'{k["waiting"]:.3f}']]), '',
        common.table(
            ['joined by', 'ranks', 'small sum: latency', 'GB/s', 'sum: latency', 'GB/s', "an iteration's exchanges"],
            [[label, ranks, f'{1e6 * fit["smallSum"]["latency"]:.0f} us', rate(fit['smallSum']), f'{1e6 * fit["sum"]["latency"]:.0f} us',
              rate(fit['sum']), f'{1e3 * model.measured_exchange(int(ranks), label):.1f} ms']
             for label, data in k['exchange'].items() for ranks, fit in data['ranks'].items()])]
    notes = [f'{label}: {data["note"]}' for label, data in k['exchange'].items() if data['note']]
    return '\n'.join(lines) + ('\n\n' + ' '.join(notes) if notes else '')


def rate(fit):
    return f'{1e-9 / fit["secondsPerByte"]:.2f}' if fit['secondsPerByte'] > 0 else 'not seen'


def predictions_table(model, results):
    """Measured cases of the same system; of each study, only the case of 1 rank and the usual batch went into the prediction."""
    rows = []
    errors = []
    speeds = []
    usual = model.constants['system']
    for path in sorted(results.glob('scaling*.json')):
        data = load(path)
        label = 'shared' if path.stem == 'scaling' else path.stem.removeprefix('scaling-')
        if label not in model.constants['exchange']:
            continue
        known = model.constants['exchange'][label]['ranks']
        cases = {(point['result']['ranks'], point['result']['batch']): point['result'] for point in data['points']
                 if point['result']['name'] == usual['name'] and point['axis'] in ('ranks', 'batch')}
        # The machine's speed drifts; the jobs of a study took turns.
        base = cases.get((1, usual['batch']))
        speed = base['medianSeconds'] / model.compute(1, usual['batch'], usual['shards'], busy=False) if base else 1
        speeds.append(f'{label} {speed:.3f}' + ('' if base else ' (no such case)'))
        for (ranks, batch), result in sorted(cases.items(), key=lambda case: (case[0][1], case[0][0])):
            if ranks > 1 and str(ranks) not in known:
                continue
            compute, waiting, exchange = model.predict(ranks, batch, result['shards'], data['cores'], label, speed)
            predicted = compute + waiting + exchange
            error = 100 * (predicted / result['medianSeconds'] - 1)
            if result is base:
                remark = 'sets the speed'
            else:
                errors.append(abs(error))
                remark = '' if abs(error) <= 10 else 'beyond 10 %'
            rows.append([
                label, ranks, batch, f'{result["medianSeconds"]:.4f}', f'{predicted:.4f}', f'{error:+.1f}', f'{compute:.4f}',
                f'{waiting:.4f}', f'{exchange:.4f}', remark])
    if not errors:
        return 'No case was measured.'
    return common.table(
        ['joined by', 'ranks', 'batch', 'measured s', 'predicted s', 'error %', 'compute', 'waiting', 'exchange', ''], rows) + (
        f'\n\n{sum(error <= 10 for error in errors)} of {len(errors)} cases are within 10 %; the median error is {common.median(errors):.1f} %. '
        f'Time that compute took in the study over that in compute.json: {", ".join(speeds)}.')


RANKS = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
WAYS = [('flat', 'flat'), ('two-level', 'two-level'), ('halves', 'two-level, small sums by halves')]


def weak_table(model, samples):
    rows = [[ranks, samples * ranks, *(f'{100 * model.efficiency(ranks, samples, network, way):.1f}'
                                       for network in model.constants['assumed']['networks'] for way, _ in WAYS)] for ranks in RANKS]
    head = ['ranks', 'batch', *(f'{network}: {label}' for network in model.constants['assumed']['networks'] for _, label in WAYS)]
    return f'Efficiency, %, with {samples} samples a rank:\n\n' + common.table(head, rows)


def strong_table(model):
    batch = model.constants['system']['batch']
    one = model.compute(1, batch, model.constants['system']['shards'])
    rows = []
    for ranks in [ranks for ranks in RANKS if ranks <= batch]:
        row = [ranks, batch // ranks]
        for network in model.constants['assumed']['networks']:
            for way, _ in WAYS:
                seconds = model.compute(ranks, batch, ranks) + model.large_exchange(ranks, network, way)
                row += [f'{100 * one / ranks / seconds:.0f}']
        rows.append(row)
    head = ['ranks', 'samples a rank', *(f'{network}: {label}' for network in model.constants['assumed']['networks'] for _, label in WAYS)]
    return f'Efficiency, %, of batch {batch} against 1 rank with {model.constants["system"]["shards"]} shards:\n\n' + common.table(head, rows)


PUBLISHED = [
    # nodes, ranks a node, samples a rank, the efficiency to reach
    (16, 1, 0.95), (16, 32, 0.95), (128, 1, 0.96), (128, 32, 0.96)]


def nodes_table(model):
    """Weak scaling on as many nodes as others published, and how many samples a rank their efficiency takes."""
    rows = []
    for nodes, per_node, wanted in PUBLISHED:
        for network in model.constants['assumed']['networks']:
            def efficiency(samples, way='halves', hidden=()):
                return model.efficiency(nodes * per_node, samples, network, way, per_node, hidden)
            least = next((samples for samples in range(1, 4097) if efficiency(samples) >= wanted), None)
            overlapped = next((samples for samples in range(1, 4097) if efficiency(samples, hidden=('sum',)) >= wanted), None)
            rows.append([nodes, per_node, network, *(f'{100 * efficiency(samples, way):.1f}' for samples in (16, 64) for way in ('two-level', 'halves')),
                         f'{100 * efficiency(64, hidden=("sum",)):.1f}', f'{100 * wanted:.0f}', least or 'more than 4096', overlapped or 'more than 4096'])
    return 'Efficiency of weak scaling, %, and the samples a rank that reach what is wanted:\n\n' + common.table(
        ['nodes', 'ranks a node', 'network', '16 samples: gathered', '16: halves', '64 samples: gathered', '64: halves', '64: halves, sums hidden', 'wanted',
         'samples a rank for it', 'with sums hidden'], rows)


def growth_table(model, results):
    """More ranks than cores, and pretend machines: what was measured beside what the model says."""
    rows = []
    for path in sorted(results.glob('growth-*.json')):
        data = load(path)
        known = model.constants['exchange'].get(data['label'], {'ranks': {}})['ranks']
        base = next(point for point in data['points'] if point['ranks'] == 1 and point['kind'] == 'strong')
        speed = base['medianSeconds'] / model.compute(1, base['batch'], base['shards'], busy=False)
        for point in data['points']:
            ranks = point['ranks']
            if ranks > 1 and str(ranks) not in known:
                continue
            compute, waiting, exchange = model.predict(ranks, point['batch'], point['shards'], data['cores'], data['label'], speed)
            measured = point['medianSeconds']
            rest = measured * (1 - point['computeShare'])
            # As if each rank had a core: what a core's ranks compute one after the other, once.
            own = (compute + waiting) / max(1, ranks / data['cores'])
            rows.append([data['label'], point['kind'], ranks, point['batch'], f'{measured:.3f}', f'{compute + waiting + exchange:.3f}',
                         f'{100 * ((compute + waiting + exchange) / measured - 1):+.0f}', f'{rest:.3f}', f'{exchange:.4f}', f'{100 * own / (own + exchange):.1f}'])
    return common.table(['joined by', '', 'ranks', 'batch', 'measured s', 'predicted s', 'error %', 'measured exchange and waiting, s', 'exchange alone, s',
                         'efficiency with a core each, %'], rows)


def limits_table(model):
    """The most ranks (a power of two, to 65,536) that keep 90 %."""
    def most(samples, network, way):
        found = [2 ** power for power in range(1, 17) if model.efficiency(2 ** power, samples, network, way) < 0.9]
        return f'{found[0] // 2}' if found else 'more than 65536'
    rows = [[samples, *(most(samples, network, way) for network in model.constants['assumed']['networks'] for way, _ in WAYS)]
            for samples in (4, 16, 64, 256)]
    head = ['samples a rank', *(f'{network}: {label}' for network in model.constants['assumed']['networks'] for _, label in WAYS)]
    return 'Ranks up to which efficiency is 90 % or more:\n\n' + common.table(head, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--results', type=pathlib.Path, default=common.RESULTS)
    parser.add_argument('--constants', type=pathlib.Path, default=CONSTANTS, help='the measured constants')
    parser.add_argument('--calibrate', action='store_true', help='write the constants from the results, and end')
    parser.add_argument('--update', type=pathlib.Path, metavar='PAGE', help="write the tables between the page's <!-- model: NAME --> and <!-- end -->")
    options = parser.parse_args()
    if options.calibrate:
        options.constants.write_text(json.dumps(calibrate(options.results), indent=1) + '\n')
        print(f'{options.constants} is written')
        return
    model = Model(load(options.constants))
    tables = {
        'exchanges': exchanges_table(model),
        'constants': constants_table(model),
        'predictions': predictions_table(model, options.results),
        'strong': strong_table(model),
        'weak': '\n\n'.join(weak_table(model, samples) for samples in (16, 64)),
        'limits': limits_table(model),
        'nodes': nodes_table(model),
        'growth': growth_table(model, options.results),
    }
    if not options.update:
        print('\n\n'.join(f'<!-- model: {name} -->\n{text}\n<!-- end -->' for name, text in tables.items()))
        return
    page = options.update.read_text()
    for name, text in tables.items():
        page, count = re.subn(rf'(<!-- model: {name} -->\n).*?(<!-- end -->)', lambda match: match[1] + text + '\n' + match[2], page, flags=re.S)
        if count != 1:
            common.fail(f'{options.update}: expected <!-- model: {name} --> once, found {count} times')
    options.update.write_text(page)
    print(f'{options.update} has the new tables')


if __name__ == '__main__':
    main()
