"""What the benchmark scripts share: where things are, who measured, how ranks are started, how results are written.

Every script writes benchmarks/results/NAME.json (numbers) and NAME.md (the table with host, processor, versions and date).
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / 'benchmarks/results'
PROGRAM = ROOT / '.build/release/wgangp-dist'
FASHION = ROOT / 'configs/fashion-mnist-wgan-gp.yaml'


def parser(description):
    """Options that all scripts have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('--program', type=pathlib.Path, default=PROGRAM, help='the built program')
    made.add_argument('--results', type=pathlib.Path, default=RESULTS, help='the folder for the results')
    return made


def fail(message):
    sys.exit(f'{pathlib.Path(sys.argv[0]).stem}: {message}')


def say(message):
    print(message, file=sys.stderr, flush=True)


def mpi_environment():
    environment = dict(os.environ)
    if os.geteuid() == 0:  # Open MPI refuses to run as root, the usual user of a container, unless told twice
        environment.update(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')
    return environment


def run(command):
    """What a command prints; its failure ends the script."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env=mpi_environment(), stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        fail(f'{shlex.join(command)} failed with {done.returncode}:\n{done.stderr}{done.stdout}')
    return done.stdout


def run_json(command):
    return json.loads(run(command).strip().splitlines()[-1])


def cores():
    return len(os.sched_getaffinity(0))


def launcher(ranks, threads=1, template=None):
    """What starts a job: launch/launcher.sh's rule; or a template with {ranks}."""
    if template:
        return shlex.split(template.replace('{ranks}', str(ranks)))
    return run([ROOT / 'launch/launcher.sh', ranks, threads]).split()


def bench(program, ranks, config, overrides=(), iterations=3, warmup=1, shares=0, threads=1, template=None, more=()):
    """One run of `wgangp-dist bench`, as what its JSON says."""
    if threads > 1:
        overrides = [*overrides, f'training.threads={threads}']
    return run_json([
        *launcher(ranks, threads, template), program, 'bench', '--json', '--config', config, '--iterations', iterations,
        '--warmup', warmup, '--shares', shares, *more, *overrides])


def first_line(command, missing='not there'):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return missing


def commit():
    """What git calls the sources, and whether those that the program is made of were changed since."""
    git = ['git', '-C', str(ROOT)]
    name = first_line([*git, 'describe', '--always', '--tags'], missing='')
    changed = first_line([*git, 'status', '--porcelain', '--', 'Package.swift', 'Sources', 'configs'], missing='')
    return (name or 'no git') + ('-dirty' if changed else '')


def environment(program, torch_python=None):
    """Who measured, with what, and when."""
    processor = next((line.split(':', 1)[1].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')), platform.machine())
    found = {
        'host': platform.node(),
        'processor': processor,
        'cores': cores(),
        'system': f'{platform.system()} {platform.release()}',
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'program': first_line([str(program), '--version']).removeprefix('wgangp-dist ').split(' ')[0],
        'commit': commit(),
        'openMPI': first_line(['mpirun', '--version']),
        # OpenBLAS decides by the processor; OPENBLAS_CORETYPE overrules it.
        'kernels': run_json([program, 'bench', '--json', '--iterations', 1, '--warmup', 0, '--shares', 0, 'width=1'])['kernels'],
        'environment': {name: os.environ[name] for name in ('OPENBLAS_CORETYPE', 'WGANGP_VECTORS') if name in os.environ},
        'loadBefore': os.getloadavg()[0],
    }
    if torch_python:
        found['torch'] = first_line([torch_python, '-c', 'import torch; print(torch.__version__)'])
    return found


def heading(title, environment):
    """The first lines of a results page."""
    words = [f'{environment["program"]} ({environment["commit"]})', environment['openMPI'], f'kernels {environment["kernels"]}']
    words += [f'PyTorch {environment["torch"]}'] if 'torch' in environment else []
    words += [f'{name}={value}' for name, value in environment['environment'].items()]
    return (f'# {title}\n\n{environment["host"]}: {environment["processor"]}, {environment["cores"]} cores, {environment["system"]}; '
            f'{", ".join(words)}; {environment["date"]}; load before the first run {environment["loadBefore"]:.2f}.\n')


def table(head, rows):
    """Markdown; a column whose cells are numbers goes to the right."""
    def is_number(cell):
        return cell.replace('.', '').replace('-', '').replace('%', '').replace(' ', '').isdigit() or cell == ''
    marks = ['---:' if all(is_number(str(row[column])) for row in rows) else '---' for column in range(len(head))]
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in [head, marks, *rows])


def write(folder, name, data, page):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{name}.json').write_text(json.dumps(data, indent=1) + '\n')
    (folder / f'{name}.md').write_text(page.rstrip('\n') + '\n')
    print(page)
    say(f'{folder / name}.json and .md are written')


def median(values):
    return statistics.median(values)


def least_squares(rows, values, relative=True):
    """The coefficients c for which rows * c is nearest to values; by relative errors unless told otherwise."""
    weights = [1 / value ** 2 if relative else 1 for value in values]
    size = len(rows[0])
    matrix = [[sum(w * row[i] * row[j] for w, row in zip(weights, rows)) for j in range(size)]
              + [sum(w * row[i] * value for w, row, value in zip(weights, rows, values))] for i in range(size)]
    for i in range(size):  # Gauss and Jordan; the pivot is the largest of its column
        best = max(range(i, size), key=lambda k: abs(matrix[k][i]))
        matrix[i], matrix[best] = matrix[best], matrix[i]
        if matrix[i][i] == 0:
            fail(f'{len(rows)} measurements do not determine {size} coefficients')
        for k in range(size):
            if k != i:
                factor = matrix[k][i] / matrix[i][i]
                matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i])]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


def nonnegative_least_squares(rows, values):
    """The same without coefficients below 0, which a noisy machine makes: the worst is left out, and the others fitted again."""
    columns = list(range(len(rows[0])))
    while True:
        found = least_squares([[row[column] for column in columns] for row in rows], values)
        if len(columns) == 1 or min(found) >= 0:
            all_found = dict(zip(columns, found))
            return [all_found.get(column, 0) for column in range(len(rows[0]))]
        columns.pop(found.index(min(found)))
