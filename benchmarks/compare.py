#!/usr/bin/env python3
"""Seconds an iteration of wgangp-dist beside PyTorch's, in one run: the two take turns, so that a machine whose speed drifts
is fair to both. Prints each round, a table, and the median over the rounds of the ratio PyTorch / wgangp-dist; writes JSON where told to.

  benchmarks/compare.py --python ENV/bin/python                    # S0 at full width, batch 128, 2 ranks of one core
  benchmarks/compare.py --python ENV/bin/python --rounds 3 --json results.json

ENV is a virtual environment with torch and numpy. Expected time: about 30 seconds a round.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent


def last_json(command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f'compare: {" ".join(map(str, command))} failed with {done.returncode}:\n{done.stderr}')
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--python', default=sys.executable, help='a Python that has torch')
    parser.add_argument('--peer', default=str(root / 'benchmarks/pytorch_fashion.py'), help='the PyTorch script')
    parser.add_argument('--program', default=str(root / '.build/release/wgangp-dist'))
    parser.add_argument('--config', default=str(root / 'configs/fashion-mnist-wgan-gp.yaml'))
    parser.add_argument('--system', default='fashion', help='what the PyTorch script calls the configuration')
    parser.add_argument('--ranks', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--iterations', type=int, default=3, help='timed iterations a round, each')
    parser.add_argument('--json', help='a file for the results')
    options = parser.parse_args()

    environment = dict(os.environ)
    if os.geteuid() == 0:
        environment.update(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
    ours_command = [
        'mpirun', '-n', str(options.ranks), options.program, 'bench', '--json', '--config', options.config,
        '--iterations', str(options.iterations), '--warmup', '1']
    # PyTorch's two ways of using the same cores: a process each, or one process with threads.
    peers = {
        f'PyTorch, {options.ranks} gloo ranks': (options.ranks, 1),
        f'PyTorch, 1 process of {options.ranks} threads': (1, options.ranks)}
    times = {'wgangp-dist': []}
    times.update({name: [] for name in peers})
    ours = torch = None
    for number in range(options.rounds):
        ours = last_json(ours_command, environment)
        times['wgangp-dist'].append(ours['medianSeconds'])
        for name, (world, threads) in peers.items():
            torch = last_json([
                options.python, options.peer, 'bench', '--system', options.system, '--world', str(world),
                '--threads', str(threads), '--iterations', str(options.iterations), '--warmup', '1'])
            times[name].append(torch['seconds_per_iteration'])
        print(f'round {number + 1}: ' + ', '.join(f'{name} {values[-1]:.3f} s' for name, values in times.items()), flush=True)

    print(f'\n{options.system}, batch {ours["batch"]}, {options.ranks} ranks of one core; torch {torch["torch"]}, '
          f'{ours["kernels"]} kernels; {platform.node()}, {datetime.date.today()}')
    print('| | median s an iteration | min | max | PyTorch / wgangp-dist, median of the rounds |\n|---|---|---|---|---|')
    ratios = {}
    for name, values in times.items():
        ratios[name] = statistics.median(value / own for value, own in zip(values, times['wgangp-dist']))
        print(f'| {name} | {statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f} | {ratios[name]:.2f} |')
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(
            dict(seconds=times, ratios=ratios, ours=ours, torch=torch['torch'], date=str(datetime.date.today())), indent=2) + '\n')


if __name__ == '__main__':
    main()
