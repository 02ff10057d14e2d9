#!/usr/bin/env python3
"""More ranks than a machine has cores, with the share of compute taken out: seconds an iteration of the Fashion-MNIST system on 1 to
32 ranks, strong (one batch for all) and weak (as many samples for each), beside what docs/scaling.md's model says of them.

  benchmarks/exchange.py --ranks 2 4 8 16 32 && benchmarks/growth.py      # this machine: growth-shared.json
  benchmarks/growth.py --label tcp-1gbit --ranks 1,2,4 --launcher 'mpirun -n {ranks} --hostfile hosts'

On more ranks than cores the ranks of a core take turns, so compute takes ranks / cores times as long and says nothing of a cluster.
What does is the rest: what ranks exchange, and wait. All cases have as many shards as the most ranks, so that a rank's work is the
same whoever does it. Expected time: five minutes a round on two cores.
"""
import common

COLUMNS = ['medianSeconds', 'minSeconds', 'maxSeconds', 'computeShare', 'exchangeShare', 'waitingShare', 'peakMegabytes']


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION))
    parser.add_argument('--label', default='shared', help='what the ranks are joined by, for the name of the results')
    parser.add_argument('--note', default='', help='a sentence on what joins the ranks, for the page')
    parser.add_argument('--ranks', default='1,2,4,8,16,32')
    parser.add_argument('--shards', type=int, help='default: the most ranks')
    parser.add_argument('--batch', type=int, default=128, help='the batch of the strong cases')
    parser.add_argument('--samples', type=int, default=4, help='samples a rank of the weak cases')
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--iterations', type=int, default=2)
    parser.add_argument('--launcher', help='what starts a job, with {ranks} for their number (default: mpirun on this machine)')
    options = parser.parse_args()
    ranks = [int(word) for word in options.ranks.split(',')]
    shards = options.shards or max(ranks)
    environment = common.environment(options.program)
    cases = [(kind, count, options.batch if kind == 'strong' else options.samples * count)
             for kind in ('strong', 'weak') for count in ranks]
    measured = {case: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            kind, count, batch = case
            # A weak case has one shard a rank: what a shard costs would otherwise grow on few ranks.
            pieces = shards if kind == 'strong' else count
            result = common.bench(
                options.program, count, options.config, [f'training.batch={batch}', f'training.shards={pieces}'],
                iterations=options.iterations, shares=2, template=options.launcher)
            measured[case].append(result)
            common.say(f'{kind}, {count} ranks, batch {batch}: {result["medianSeconds"]:.3f} s')
    points = []
    for kind, count, batch in cases:
        results = measured[kind, count, batch]
        points.append({
            'kind': kind, 'ranks': count, 'batch': batch, 'shards': results[0]['shards'], 'name': results[0]['name'],
            'exchange': results[0]['exchange'], 'exchanges': results[0]['exchanges'],
            **{key: common.median(result[key] for result in results) for key in COLUMNS if key in results[0]}})
    page = common.heading(f'Strong and weak scaling: {options.label}', environment)
    page += f'\n{options.note}\n' if options.note else ''
    page += (f'\nMedians of {options.rounds} rounds of {options.iterations} iterations. Strong: batch {options.batch}, {shards} shards. '
             f'Weak: {options.samples} samples and one shard a rank.\n\n')
    page += common.table(
        ['', 'ranks', 'batch', 's an iteration', 'compute %', 'exchange %', 'waiting %', 'exchange and waiting, s'],
        [[p['kind'], p['ranks'], p['batch'], f'{p["medianSeconds"]:.4f}',
          *(f'{100 * p[key]:.1f}' for key in ('computeShare', 'exchangeShare', 'waitingShare')),
          f'{p["medianSeconds"] * (p["exchangeShare"] + p["waitingShare"]):.4f}'] for p in points]) + '\n'
    common.write(options.results, f'growth-{options.label}', {
        'environment': environment, 'label': options.label, 'note': options.note, 'cores': common.cores(), 'points': points}, page)


if __name__ == '__main__':
    main()
