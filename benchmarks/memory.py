#!/usr/bin/env python3
"""Peak resident memory of a rank of the Fashion-MNIST system by batch and number of ranks, and what it is made of: so much
for the program, for a sample and for a shard of a rank. Writes benchmarks/results/memory.json and memory.md.

  benchmarks/memory.py
  benchmarks/memory.py --ranks 1 2 --batches 64 128

Memory does not depend on the machine's speed: one iteration each. Expected time: 1 minute.
"""
import common

SHARDS = 8  # of the configuration


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION))
    parser.add_argument('--ranks', type=int, nargs='+', default=[1, 2, 4, 8])
    parser.add_argument('--batches', type=int, nargs='+', default=[32, 64, 128, 256, 512])
    options = parser.parse_args()
    environment = common.environment(options.program)
    found = {}
    for batch in options.batches:
        for ranks in options.ranks:
            result = common.bench(options.program, ranks, options.config, [f'training.batch={batch}'], iterations=1, warmup=0)
            found[batch, ranks] = result['peakMegabytesPerRank']
            common.say(f'batch {batch}, {ranks} ranks: {found[batch, ranks]:.0f} MB a rank')
    rows = [[batch, *(f'{found[batch, ranks]:.0f}' for ranks in options.ranks)] for batch in options.batches]
    # A rank holds its samples, a gradient for each of its 8 / ranks shards, and what does not depend on either.
    rows_of_fit = [[1, batch / ranks, SHARDS / ranks] for batch, ranks in found]
    text = ''
    fit = None
    if len(options.batches) > 1 and len(options.ranks) > 1:
        fit = common.nonnegative_least_squares(rows_of_fit, list(found.values()))
        worst = max(abs(sum(c * x for c, x in zip(fit, row)) / y - 1) for row, y in zip(rows_of_fit, found.values()))
        text = (f'\n\n{fit[0]:.0f} MB + {fit[1]:.2f} MB a sample of the rank + {fit[2]:.1f} MB a shard of the rank fits all of them within '
                f'{100 * worst:.0f} %.')
    page = common.heading('Memory of a rank', environment) + '\nPeak resident memory, MB, of the rank that needs most.\n\n' + common.table(
        ['batch', *(f'{ranks} rank{"s" if ranks > 1 else ""}' for ranks in options.ranks)], rows) + text
    common.write(options.results, 'memory', {
        'environment': environment, 'config': options.config.split('/')[-1], 'shards': SHARDS, 'fit': fit and dict(zip(('fixedMegabytes', 'megabytesPerSample', 'megabytesPerShard'), fit)),
        'points': [{'batch': batch, 'ranks': ranks, 'megabytes': megabytes} for (batch, ranks), megabytes in found.items()]}, page)


if __name__ == '__main__':
    main()
