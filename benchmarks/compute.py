#!/usr/bin/env python3
"""What an iteration of the Fashion-MNIST system computes, on 1 rank, by batch and number of shards: the cost model's constants
a (of the rank), b (of a shard) and c (of a sample), seconds = a + b shards + c batch, come from these. Writes
benchmarks/results/compute.json and compute.md.

  benchmarks/compute.py
  benchmarks/compute.py --rounds 1

The jobs take turns. Expected time: 1 minute a round.
"""
import common

# (batch, shards): the model compares itself with other batches and with more ranks than 1. The small ones, parts that a rank of
# several has, tell what it does whatever its part.
POINTS = [(16, 1), (16, 4), (32, 8), (128, 8), (128, 32), (128, 128), (512, 8)]


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--iterations', type=int, default=2)
    options = parser.parse_args()
    environment = common.environment(options.program)
    seconds = {point: [] for point in POINTS}
    for number in range(options.rounds):
        for batch, shards in POINTS:
            result = common.bench(
                options.program, 1, options.config, [f'training.batch={batch}', f'training.shards={shards}'],
                iterations=options.iterations)
            seconds[batch, shards].append(result['medianSeconds'])
        common.say(f'round {number + 1} of {options.rounds}: ' + ', '.join(
            f'batch {batch} in {shards} shards {values[-1]:.3f} s' for (batch, shards), values in seconds.items()))
    medians = [common.median(values) for values in seconds.values()]
    fit = common.nonnegative_least_squares([[1, shards, batch] for batch, shards in POINTS], medians)
    rows = []
    for (batch, shards), median in zip(POINTS, medians):
        fitted = fit[0] + fit[1] * shards + fit[2] * batch
        rows.append([batch, shards, f'{median:.4f}', f'{fitted:.4f}', f'{100 * (fitted / median - 1):.1f}'])
    page = common.heading('Compute of an iteration on 1 rank', environment) + '\n' + common.table(
        ['batch', 'shards', 'median s an iteration', 'fitted', 'error %'], rows) + (
        f'\n\nFitted: {1e3 * fit[0]:.1f} ms a rank + {1e3 * fit[1]:.2f} ms a shard + {1e3 * fit[2]:.3f} ms a sample.')
    common.write(options.results, 'compute', {
        'environment': environment, 'config': options.config.split('/')[-1],
        'points': [{'batch': batch, 'shards': shards, 'seconds': values} for (batch, shards), values in seconds.items()],
        'secondsPerRank': fit[0], 'secondsPerShard': fit[1], 'secondsPerSample': fit[2]}, page)


if __name__ == '__main__':
    main()
