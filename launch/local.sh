#!/usr/bin/env bash
# Builds the program and trains on this machine, with several ranks over MPI. Arguments go to
# `wgangp-dist train`; paths are relative to the folder that the script is started from.
#
#   launch/local.sh                                          # the built-in example
#   RANKS=2 launch/local.sh --config configs/fashion-mnist-wgan-gp.yaml training.batch=64
#   COMMAND=bench RANKS=4 launch/local.sh --config configs/fashion-mnist-wgan-gp.yaml
#
# Ctrl-C (or SIGTERM, or a closed terminal) ends the run in order: the trainer finishes its step,
# saves a checkpoint and exits with status 0. A second Ctrl-C kills it.
#
# Expected time: two minutes for the first build, seconds for the later ones; then the training.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RANKS=${RANKS:-4}          # MPI processes; the result does not depend on their number
COMMAND=${COMMAND:-train}  # or another command of wgangp-dist: verify, bench, doctor
# --------------------------------------------------------------------------------------------------

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/setup.sh
source "$root/launch/setup.sh"
# shellcheck source=launch/launcher.sh
source "$root/launch/launcher.sh"

if ! [[ $RANKS =~ ^[1-9][0-9]*$ ]]; then
  echo "local: RANKS=$RANKS: expected a number of processes" >&2
  exit 1
fi

build=(swift build -c release --package-path "$root" --product wgangp-dist)
echo "+ ${build[*]}" >&2
if ! output=$("${build[@]}" 2>&1); then
  printf '%s\n' "$output" >&2
  exit 1
fi

# The threads of a rank are in the configuration.
set_launcher "$RANKS"
launch=("${launcher[@]}" "$root/.build/release/wgangp-dist" "$COMMAND" "$@")

# mpirun gives rank 0 a terminal of its own even when this script writes to a file, so say here
# whether someone is watching.
if [[ ! -t 1 ]]; then export TERM=dumb; fi

printf '+' >&2
printf ' %q' "${launch[@]}" >&2
printf '\n' >&2

# In a process group of its own (set -m): Ctrl-C in the terminal reaches this script only. mpirun
# would kill the ranks one second after a SIGINT or SIGTERM, but forwards SIGUSR1 to all of them,
# and on that they stop in order.
set -m
"${launch[@]}" </dev/null &
pid=$!

stops=0
# shellcheck disable=SC2317  # called by the trap
stop() {
  stops=$((stops + 1))
  if ((stops == 1)) && [[ $COMMAND == train ]]; then
    printf '\nlocal: stopping after this step; once more to kill\n' >&2
    kill -USR1 "$pid" 2>/dev/null || true
  else
    kill -TERM "$pid" 2>/dev/null || true
  fi
}
trap stop INT TERM HUP

# A signal interrupts `wait` with a status of its own, so ask again until the job has ended.
status=0
while
  seen=$stops
  wait "$pid" && status=0 || status=$?
  ((seen != stops))
do :; done
exit "$status"
