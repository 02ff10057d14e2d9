#!/usr/bin/env python3
"""Seconds an iteration of wgangp-dist beside PyTorch's, in one run: the three take turns, in another order each round, so
that a machine whose speed drifts is fair to all. wgangp-dist runs 2 ranks of one core; PyTorch 2 processes over gloo, and 1
process of 2 threads. Writes benchmarks/results/systems.json and systems.md.

  benchmarks/compare.py --python ENV/bin/python                       # all systems
  benchmarks/compare.py --python ENV/bin/python --systems fashion,toy --rounds 3 --iterations toy=50

ENV is a virtual environment with torch and numpy. The PyTorch script is benchmarks/pytorch_systems.py unless --peer names
another one with the same options: `SCRIPT bench --system NAME --world 2 --threads 1 --iterations 3 --warmup 1`, which prints a
line of JSON with seconds_per_iteration and torch. Which systems it has is read from its --help, and said.
Expected time for all seven systems: 25 minutes.
"""
import re

import common

# Name in the PyTorch script: configuration, timed iterations a round, iterations before those.
SYSTEMS = {
    'fashion': ('fashion-mnist-wgan-gp', 3, 1),
    'clip': ('mnist-wgan-clip', 3, 1),
    'mnist': ('mnist-wgan-gp', 5, 1),
    'cifar': ('cifar10-wgan-gp-resnet', 1, 0),
    'toy': ('toy-8gaussians', 100, 10),
    'mlp': ('mnist-mlp-gan', 400, 40),
    'fastcalogan': ('calochallenge-photons-fastcalogan', 200, 20),
}


def numbers(words, option, default):
    """{system: number} of `7`, or `7 cifar=3`; `default` is one for all or one a system."""
    found = dict(default)
    for word in words:
        name, _, number = word.rpartition('=')
        if not number.isdigit() or int(number) < 1 or (name and name not in SYSTEMS):
            common.fail(f'{option} {word}: expected a number, or SYSTEM=NUMBER of {", ".join(SYSTEMS)}')
        found.update({name: int(number)} if name else {system: int(number) for system in SYSTEMS})
    return found


def systems_of(python, peer):
    """The names that the PyTorch script's --system takes."""
    help_text = common.run([python, peer, 'bench', '--help'])
    match = re.search(r'--system \{([^}]*)\}', help_text)
    if not match:
        common.fail(f'{peer}: its --help names no --system {{...}}; found:\n{help_text}')
    return [name for name in match.group(1).replace('\n', '').replace(' ', '').split(',') if name in SYSTEMS]


def write(options, environment, results):
    """What has been measured so far: a run of half an hour may be stopped."""
    labels = {'gloo': '2 gloo ranks', 'threads': '1 process of 2 threads'}
    rows = [[
        name, result['config'], f'{result["rounds"]} x {result["iterations"]}', *(
            f'{common.median(result["seconds"][way]):.4f}' for way in ('wgangp-dist', 'gloo', 'threads')),
        labels[result['faster']], f'{result["ratio"]:.2f}', f'{result["smallestRatio"]:.2f} to {result["largestRatio"]:.2f}']
        for name, result in results.items()]
    page = common.heading('wgangp-dist beside PyTorch, on 2 cores', environment) + (
        '\nMedian seconds an iteration; the ratio is PyTorch / wgangp-dist of the faster of its two ways, the median of the rounds, and from which to '
        'which value it goes with the faster way of each round.\n\n') + common.table(
        ['system', 'configuration', 'rounds x iterations', 'wgangp-dist, 2 ranks', 'PyTorch, 2 gloo ranks', 'PyTorch, 1 process of 2 threads',
         'faster PyTorch', 'ratio', 'of single rounds'], rows)
    common.write(options.results, options.name, {'environment': environment, 'systems': results}, page)


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--python', default='python3', help='a Python that has torch')
    parser.add_argument('--peer', default=str(common.ROOT / 'benchmarks/pytorch_systems.py'), help='the PyTorch script')
    parser.add_argument('--systems', help='some of ' + ','.join(SYSTEMS))
    parser.add_argument('--rounds', nargs='+', default=[], metavar='N|SYSTEM=N', help='rounds (default: 7)')
    parser.add_argument('--iterations', nargs='+', default=[], metavar='N|SYSTEM=N', help='timed iterations a round (default: by system)')
    parser.add_argument('--warmup', nargs='+', default=[], metavar='N|SYSTEM=N', help='iterations before those (default: by system)')
    parser.add_argument('--name', default='systems', help="the results' name")
    options = parser.parse_args()
    rounds = numbers(options.rounds, '--rounds', {name: 7 for name in SYSTEMS})
    iterations = numbers(options.iterations, '--iterations', {name: system[1] for name, system in SYSTEMS.items()})
    warmup = numbers(options.warmup, '--warmup', {name: system[2] for name, system in SYSTEMS.items()})

    known = systems_of(options.python, options.peer)
    common.say(f'{options.peer} has {", ".join(known)}')
    chosen = options.systems.split(',') if options.systems else known
    for name in chosen:
        if name not in known:
            common.fail(f'--systems {name}: {options.peer} has {", ".join(known)}')

    environment = common.environment(options.program, options.python)
    results = {}

    def ours(name):
        config = common.ROOT / f'configs/{SYSTEMS[name][0]}.yaml'
        return common.bench(options.program, 2, config, iterations=iterations[name], warmup=warmup[name])

    def torch(name, world, threads):
        command = [
            options.python, options.peer, 'bench', '--system', name, '--world', world, '--threads', threads,
            '--iterations', iterations[name], '--warmup', warmup[name]]
        try:
            return common.run_json(command)
        except SystemExit as failure:
            # A gloo process was seen to abort as it ended: one of some sixty runs.
            common.say(f'{failure}\ncompare: once more')
            return common.run_json(command)

    for name in chosen:
        ways = {
            'wgangp-dist': lambda: ours(name)['medianSeconds'],
            'gloo': lambda: torch(name, 2, 1)['seconds_per_iteration'],
            'threads': lambda: torch(name, 1, 2)['seconds_per_iteration'],
        }
        times = {way: [] for way in ways}
        order = list(ways)
        for number in range(rounds[name]):
            for way in order[number % 3:] + order[:number % 3]:
                times[way].append(ways[way]())
            common.say(f'{name}, round {number + 1} of {rounds[name]}: ' + ', '.join(f'{way} {values[-1]:.4f} s' for way, values in times.items()))
        ratios = {way: common.median([other / own for other, own in zip(times[way], times['wgangp-dist'])]) for way in ('gloo', 'threads')}
        faster = min(ratios, key=ratios.get)
        each = [min(pair) / own for *pair, own in zip(times['gloo'], times['threads'], times['wgangp-dist'])]
        results[name] = {
            'config': SYSTEMS[name][0], 'rounds': rounds[name], 'iterations': iterations[name], 'seconds': times, 'ratios': ratios,
            'faster': faster, 'ratio': ratios[faster], 'smallestRatio': min(each), 'largestRatio': max(each)}
        write(options, environment, results)


if __name__ == '__main__':
    main()
