#!/usr/bin/env bash
# Trains on several machines without a batch system: mpirun starts the ranks by ssh. Arguments go to
# `wgangp-dist train`. The machines need the same program and data at the same path (a shared folder,
# or copies), a shared folder for RUN, and ssh without a password from here.
#
#   printf '%s slots=4\n' node1 node2 >hosts
#   RUN=runs/fashion launch/hosts.sh --config configs/fashion-mnist-wgan-gp-no-critic-norm.yaml
#
#   HOSTFILE= RANKS=4 launch/hosts.sh          # this machine only
#
# Ctrl-C stops in order, a second one kills. A machine that is lost ends the job within some ten
# seconds. Both with status 75: the same command goes on.
# Expected result: runs/fashion, and "job: runs/fashion is done" as the last line.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RUN=${RUN:-runs/glyphs}        # the run's folder
HOSTFILE=${HOSTFILE-hosts}     # a line a machine: NAME slots=RANKS; empty: this machine
THREADS=${THREADS:-1}          # a rank's
RANKS=${RANKS:-}               # default: all slots, or cores
TIME_LIMIT=${TIME_LIMIT:-}     # seconds, or 3h50m
# --------------------------------------------------------------------------------------------------

# shellcheck source=launch/job.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/job.sh"

if [[ -z $HOSTFILE ]]; then
  RANKS=${RANKS:-$(nproc)}
  # Other jobs may be on this machine: the cores are not ours to choose.
  BIND=${BIND:-none}
  set_mpirun "$RANKS" "$THREADS" --host "localhost:$RANKS" --mca mpi_yield_when_idle 1
elif [[ -r $HOSTFILE ]]; then
  slots=0
  while read -r line; do
    if [[ $line =~ ^[^#]+slots\ *=\ *([0-9]+) ]]; then slots=$((slots + BASH_REMATCH[1])); fi
  done <"$HOSTFILE"
  set_mpirun "${RANKS:-$slots}" "$THREADS" --hostfile "$HOSTFILE"
else
  say "$HOSTFILE: no such file: expected a line a machine, NAME slots=RANKS"
  exit 1
fi
# A second Ctrl-C kills; batch systems, which start this for one machine, send TERM more than once.
if ! [[ -t 0 ]]; then is_patient=yes; fi
stop_signals='INT TERM HUP USR1 USR2'
train_run "$THREADS" "$TIME_LIMIT" "$@"
finish say "status $status: the same command goes on with $RUN"
