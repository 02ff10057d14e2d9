#!/usr/bin/env python3
"""The second half of profile.sh: groups perf's functions into kernels, and writes profile.json and profile.md."""
import collections
import json
import pathlib
import re
import shutil
import subprocess

import common

# The first pattern that a function's library and name match has it. Swift's names are TYPE.FUNCTION.
GROUPS = [
    ('packing for products', r'gemm_\w*copy|Panels\.|transpose\b|gemm_driver|cblas_sgemm'),
    ('matrix products', r'gemm_kernel|Products?\.|ProductBlock|PanelProduct|Matrix\.|MatrixVector\.|sgemm_'),
    ("Winograd's transforms", r'Winograd'),
    ('patches (im2col) and their sums', r'Convolution'),
    ('batch norm', r'BatchNormalization|BatchNorm\b|NormalizationCurvature'),
    ('element-wise: activations, bias, copies', r'Elementwise|Activation|Sweep|HyperbolicTangent|Sigmoid|Softplus|ELU\b|Swish|LeakyReLU|Resampling|Rearrangement|memset|memmove|memcpy|expm1|tanh'),
    ('optimizer', r'Adam|RMSprop|SGD|ExponentialMovingAverage|Clipping'),
    ('sums over shards', r'ReductionTree|ShardSums|ParameterArena'),
    ('random numbers', r'RandomStream|Philox|\b_*(sin|cos|log)(f|_|\b)'),
    ('kernel of the system', r'^\[kernel|^\[guest'),
]


def functions(text):
    """(share, library, name) of perf's lines."""
    found = []
    for line in text.splitlines():
        match = re.match(r'\s*([\d.]+)%\s+(\S+)\s+\[.\]\s+(.*\S)', line)
        if match:
            found.append((float(match[1]), match[2], match[3]))
    return found


def plain(name):
    """`static Elementwise.add(_:to:)` and its specializations as `Elementwise.add`."""
    name = re.sub(r'^(closure #\d+ .*? in |partial apply for |specialized |static |generic |merged )+', '', name)
    return re.sub(r'(<.*?>)?\(.*', '', name)


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--folder', type=pathlib.Path, required=True, help='what profile.sh gathered')
    options = parser.parse_args()
    text = (options.folder / 'perf.txt').read_text()
    if shutil.which('swift'):
        text = subprocess.run(['swift', 'demangle', '--simplified'], input=text, capture_output=True, text=True, check=True).stdout
    bench = json.loads((options.folder / 'bench.json').read_text().strip().splitlines()[-1])
    layers = json.loads((options.folder / 'layers.json').read_text().strip().splitlines()[-1])
    peak = json.loads((options.folder / 'peak.json').read_text())
    limit = max(peak.values())

    shares = collections.defaultdict(float)
    members = collections.defaultdict(lambda: collections.defaultdict(float))
    for share, library, name in functions(text):
        where = f'{library} {name}'
        group = next((group for group, pattern in GROUPS if re.search(pattern, where)), 'other')
        shares[group] += share
        members[group][plain(name)] += share
    if not shares:
        common.fail('perf has sampled nothing')
    seconds = bench['medianSeconds']
    rows = [[
        group, f'{share:.1f}', f'{1e3 * seconds * share / 100:.0f}',
        ', '.join(f'{name} {part:.1f}' for name, part in sorted(members[group].items(), key=lambda pair: -pair[1])[:4] if part >= 0.1)]
        for group, share in sorted(shares.items(), key=lambda pair: -pair[1])]
    environment = common.environment(options.program)
    page = common.heading('Profile of an iteration on one core', environment)
    page += (f'\n{bench["name"]}, batch {bench["batch"]}, {seconds:.3f} s an iteration, {bench["directGFLOPPerSecond"]:.1f} GFLOP/s as direct '
             f'convolutions count. The core does at most {" and ".join(f"{value:.0f} GFLOP/s with {name.upper()}" for name, value in peak.items() if value)} '
             '(peak.c, at the same moment). Shares are of samples of `perf record -e cpu-clock`, warm-up and start included.\n\n')
    page += common.table(['', '% of time', 'ms an iteration', 'of it'], rows)
    page += ('\n\nLayers by themselves (`bench --layers`). GFLOP/s as direct convolutions count, so that Winograd\'s algorithm, which '
             'computes less, can pass the peak.\n\n')
    page += common.table(
        ['layer', 'kind', 'shapes', 'algorithm', 'forward ms', 'GFLOP/s', '% of peak', 'backward ms', 'GFLOP/s', '% of peak'],
        [[layer['name'], layer['kind'], layer['shapes'], layer['algorithm'], *(
            cell for way in ('forward', 'backward') for cell in (
                f'{1e3 * layer[way + "Seconds"]:.2f}', f'{layer[way + "GFLOPPerSecond"]:.1f}', f'{100 * layer[way + "GFLOPPerSecond"] / limit:.0f}'))]
            for layer in layers])
    common.write(options.results, 'profile', {
        'environment': environment, 'bench': bench, 'peakGFLOPPerSecond': peak, 'percent': dict(shares),
        'functions': {group: dict(names) for group, names in members.items()}, 'layers': layers}, page)


if __name__ == '__main__':
    main()
