#!/usr/bin/env python3
"""What a second core brings: the Fashion-MNIST system on 1 rank of one core, on 2 ranks of one core each, and on 1 rank of 2
threads; and two independent copies of the 1-rank job at once, one on each core, which shows what the cores cost each other
without any exchange. The four take turns; ratios are medians over the rounds. Writes benchmarks/results/efficiency.json and .md.

  benchmarks/efficiency.py
  benchmarks/efficiency.py --rounds 3 --iterations 2

1 rank is pinned to the first of the two cores; the table says how busy the other one was meanwhile (/proc/stat). Expected time:
45 seconds a round.
"""
import concurrent.futures
import os
import time

import common


def busy():
    """Jiffies that each core was busy, and all of them, since it started."""
    found = {}
    for line in open('/proc/stat'):
        name, *words = line.split()
        if name.startswith('cpu') and name != 'cpu':
            ticks = [int(word) for word in words[:8]]
            found[int(name[3:])] = (sum(ticks) - ticks[3] - ticks[4], sum(ticks))
    return found


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION))
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--iterations', type=int, default=3, help='timed iterations a round, each')
    options = parser.parse_args()
    first, second = sorted(os.sched_getaffinity(0))[:2]
    environment = common.environment(options.program)
    arguments = [
        options.program, 'bench', '--json', '--config', options.config, '--iterations', options.iterations, '--warmup', 1, '--shares', 0]

    def alone(core):
        return common.run_json(['taskset', '-c', core, *arguments])['medianSeconds']

    def copies():
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return max(pool.map(alone, (first, second)))

    ways = {
        'one': lambda: alone(first),
        'ranks': lambda: common.run_json([
            'mpirun', '-n', 2, '--cpu-set', f'{first},{second}', '--bind-to', 'core', *arguments])['medianSeconds'],
        'threads': lambda: common.run_json(['taskset', '-c', f'{first},{second}', *arguments, 'training.threads=2'])['medianSeconds'],
        'copies': copies,
    }
    times = {way: [] for way in ways}
    shares = {way: [] for way in ways}
    order = list(ways)
    for number in range(options.rounds):
        turn = number % len(order)
        for way in order[turn:] + order[:turn]:
            before = busy()
            times[way].append(ways[way]())
            after = busy()
            used = [100 * (after[core][0] - before[core][0]) / max(1, after[core][1] - before[core][1]) for core in (first, second)]
            shares[way].append(used)
            time.sleep(0.2)
        common.say(f'round {number + 1} of {options.rounds}: ' + ', '.join(f'{way} {values[-1]:.3f} s' for way, values in times.items()))

    def ratio(top, bottom, factor):
        values = [factor * a / b for a, b in zip(times[top], times[bottom])]
        return {'median': common.median(values), 'min': min(values), 'max': max(values)}

    ratios = {
        'efficiency of 2 ranks: 1 rank / (2 x 2 ranks)': ratio('one', 'ranks', 0.5),
        'efficiency of 2 threads: 1 rank / (2 x 1 rank of 2 threads)': ratio('one', 'threads', 0.5),
        '1 rank of 2 threads / 2 ranks': ratio('threads', 'ranks', 1),
        'two copies at once / 1 rank': ratio('copies', 'one', 1),
        'efficiency of 2 ranks beside two busy cores: copies / (2 x 2 ranks)': ratio('copies', 'ranks', 0.5),
    }
    labels = {
        'one': f'1 rank, pinned to core {first}', 'ranks': f'2 ranks, cores {first} and {second}', 'threads': '1 rank of 2 threads',
        'copies': 'two copies of the 1-rank job at once'}
    page = common.heading('What a second core brings', environment) + '\n' + common.table(
        ['', 'median s an iteration', 'min', 'max', f'core {first} busy %', f'core {second} busy %'],
        [[labels[way], *(f'{function(times[way]):.4f}' for function in (common.median, min, max)),
          *(f'{common.median([pair[core] for pair in shares[way]]):.0f}' for core in (0, 1))] for way in ways]) + '\n\n' + common.table(
        ['', 'median of the rounds', 'min', 'max'],
        [[name, *(f'{value[key]:.3f}' for key in ('median', 'min', 'max'))] for name, value in ratios.items()])
    common.write(options.results, 'efficiency', {
        'environment': environment, 'config': options.config.split('/')[-1], 'seconds': times, 'busyPercent': shares, 'ratios': ratios}, page)


if __name__ == '__main__':
    main()
