#!/usr/bin/env python3
"""What sums and gathers between ranks take: `wgangp-dist bench --exchange` on several numbers of ranks. Writes
benchmarks/results/exchange-LABEL.json and .md, from which model.py takes its constants.

  benchmarks/exchange.py                                                            # this machine's shared memory: exchange-shared.json
  benchmarks/exchange.py --label tcp --ranks 2 4 --launcher 'mpirun -n {ranks} --hostfile hosts'     # between machines

Expected time: 20 seconds a number of ranks.
"""
import common


def main():
    parser = common.parser(__doc__)
    parser.add_argument('--config', default=str(common.FASHION), help='whose arenas are among the lengths')
    parser.add_argument('--label', default='shared', help='what the ranks are joined by, for the name of the results')
    parser.add_argument('--note', default='', help='a sentence on what joins the ranks, for the page')
    parser.add_argument('--ranks', type=int, nargs='+', default=[2, 4, 8])
    parser.add_argument('--blocks', type=int, default=30, help='blocks of calls, whose median counts')
    parser.add_argument('--launcher', help='what starts a job, with {ranks} for their number (default: mpirun on this machine)')
    options = parser.parse_args()
    environment = common.environment(options.program)
    runs = []
    for ranks in options.ranks:
        runs.append(common.run_json([
            *common.launcher(ranks, template=options.launcher), options.program, 'bench', '--exchange', '--json', '--config',
            options.config, '--iterations', options.blocks, '--warmup', 0, 'training.criticSteps=1',
            f'training.batch={max(8, ranks)}', f'training.shards={max(8, ranks)}']))
        # The command runs as many training steps too: the smallest there are, which say nothing.
        for key in ('iterationSeconds', 'sumShare', 'shareBeyondAllReduce', 'criticSums', 'generatorSums'):
            runs[-1].pop(key, None)
        common.say(f'{ranks} ranks: {runs[-1]["exchange"]}')

    def cell(time):
        return f'{time["median"]:.1f} ({time["fastest"]:.1f})' if time else ''

    page = common.heading(f'Sums and gathers between ranks: {options.label}', environment)
    page += f'\n{options.note}\n' if options.note else ''
    page += '\nMicroseconds of a call, of the slowest rank: median of blocks of calls (and the fastest block).\n'
    for what, unit in (('sums', 'Float values'), ('gathers', 'Double values of each rank')):
        rows = [[run['ranks'], timing['values'], timing.get('use') or '', *(cell(timing.get(way)) for way in ('flat', 'twoLevel', 'mpi'))]
                for run in runs for timing in sorted(run[what], key=lambda timing: timing['values'])]
        page += '\n' + common.table(['ranks', unit, 'use', 'flat', 'two-level', "MPI's own"], rows) + '\n'
    common.write(options.results, f'exchange-{options.label}', {
        'environment': environment, 'label': options.label, 'note': options.note, 'cores': common.cores(), 'runs': runs}, page)


if __name__ == '__main__':
    main()
