#!/usr/bin/env bash
# Builds the program and trains on this machine, with several ranks over MPI. Arguments go to
# `wgangp-dist train`; paths are relative to the folder that the script is started from.
#
#   launch/local.sh                                          # the built-in example
#   RANKS=2 launch/local.sh --config configs/fashion-mnist-wgan-gp.yaml training.batch=64
#   COMMAND=bench RANKS=4 launch/local.sh --config configs/fashion-mnist-wgan-gp.yaml
#
# Ctrl-C (or SIGTERM, or a closed terminal) ends the run in order: the trainer finishes its step,
# saves a checkpoint, says how to go on, and exits with status 75. A second Ctrl-C kills it.
#
# Expected time: some five minutes for the first build on two cores, seconds for the later ones;
# then the training.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RANKS=${RANKS:-4}          # MPI processes; the result does not depend on their number
COMMAND=${COMMAND:-train}  # or another command of wgangp-dist: verify, bench, doctor
# --------------------------------------------------------------------------------------------------

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/setup.sh
source "$root/launch/setup.sh"
# shellcheck source=launch/build.sh
source "$root/launch/build.sh"
# shellcheck source=launch/launcher.sh
source "$root/launch/launcher.sh"

if ! [[ $RANKS =~ ^[1-9][0-9]*$ ]]; then
  echo "local: RANKS=$RANKS: expected a number of processes" >&2
  exit 1
fi

show_build -c release --package-path "$root" --product wgangp-dist

# The threads of a rank are in the configuration.
set_launcher "$RANKS"
launch=("${launcher[@]}" "$root/.build/release/wgangp-dist" "$COMMAND" "$@")

# mpirun gives rank 0 a terminal of its own even when this script writes to a file, so say here
# whether someone is watching.
if [[ ! -t 1 ]]; then export TERM=dumb; fi

# A first signal is for the trainer only: other commands end at once.
if [[ $COMMAND != train ]]; then stop_with=TERM; fi
run_ranks "${launch[@]}"
