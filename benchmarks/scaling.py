#!/usr/bin/env python3
"""Seconds an iteration of the Fashion-MNIST system by ranks, batch, width and image size, with the shares of compute, exchange
and waiting: `wgangp-dist bench --scaling`, with who measured. Writes benchmarks/results/scaling.json, scaling.md and scaling.png.

  benchmarks/scaling.py
  benchmarks/scaling.py --rounds 1 -- --ranks 1,2 --widths none          # what follows -- goes to bench --scaling

Expected time: 5 minutes a round on two cores.
"""
import json
import subprocess

import common


def portable(words):
    """The words of a command with paths that mean something elsewhere: below the project's folder, or a name alone."""
    root = f'{common.ROOT}/'
    return ' '.join(
        word.removeprefix(root) if word.startswith(root) else word.rsplit('/', 1)[-1] if word.startswith('/') else word
        for word in words.split(' '))


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--iterations', type=int, default=3)
    parser.add_argument('--name', default='scaling', help="the results' name")
    parser.add_argument('more', nargs='*', metavar='OPTION', help='more options of bench --scaling, behind --')
    options = parser.parse_args()
    environment = common.environment(options.program)
    options.results.mkdir(parents=True, exist_ok=True)
    output = options.results / f'{options.name}.json'
    command = [
        options.program, 'bench', '--scaling', '--config', options.config, '--rounds', options.rounds, '--iterations',
        options.iterations, '--warmup', 1, '--output', output, *options.more]
    # Its progress goes to the terminal.
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, env=common.mpi_environment())
    if done.returncode != 0:
        common.fail(f'bench --scaling failed with {done.returncode}')
    data = json.loads(output.read_text())
    data['machine'] = environment
    data['environment']['command'] = [portable(word) for word in data['environment']['command']]
    note = (f'\nMedians of {options.rounds} rounds of {options.iterations} iterations; more ranks than cores take turns on them. '
            f'GFLOP/s as direct convolutions count.\n\n![scaling]({options.name}.png)\n\n')
    common.write(options.results, options.name, data, common.heading('Scaling', environment) + note + done.stdout)


if __name__ == '__main__':
    main()
