#!/usr/bin/env bash
# Trains on several machines without a batch system: mpirun starts the ranks by ssh. Arguments go to
# `wgangp-dist train`. The machines need the same program and data at the same path (a shared folder,
# or copies), a shared folder for RUN, and ssh without a password from here.
#
#   printf '%s slots=4\n' node1 node2 >hosts
#   RUN=runs/fashion launch/hosts.sh --config configs/fashion-mnist-wgan-gp-no-critic-norm.yaml
#
# Ctrl-C stops in order with status 75, a second one kills. A machine that is lost ends the job in
# some ten seconds, with a status from 128 on. After both the same command goes on.
# Expected result: runs/fashion, and "job: runs/fashion is done" as the last line.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RUN=${RUN:-runs/glyphs}        # the run's folder
HOSTFILE=${HOSTFILE:-hosts}    # a line a machine: NAME slots=RANKS
THREADS=${THREADS:-1}          # a rank's
RANKS=${RANKS:-}               # default: all slots
TIME_LIMIT=${TIME_LIMIT:-}     # seconds, or 3h50m
# --------------------------------------------------------------------------------------------------

# shellcheck source=launch/job.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/job.sh"

if ! [[ -r $HOSTFILE ]]; then
  say "$HOSTFILE: no such file: expected a line a machine, NAME slots=RANKS"
  exit 1
fi
slots=0
while read -r line; do
  if [[ $line =~ ^[^#]+slots\ *=\ *([0-9]+) ]]; then slots=$((slots + BASH_REMATCH[1])); fi
done <"$HOSTFILE"
set_mpirun "${RANKS:-$slots}" "$THREADS" --hostfile "$HOSTFILE"
train_run "$THREADS" "$TIME_LIMIT" "$@"
finish say "status $status: the same command goes on with $RUN"
