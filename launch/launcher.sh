#!/usr/bin/env bash
# How ranks are started on this machine: the one rule, for scripts in bash (sourced) and others.
#
#   launch/launcher.sh RANKS [THREADS]      # prints the command, a word a line
#
# THREADS are a rank's; without them they are not known. Expected time: 0.01 seconds.

# Sets the array `launcher`.
set_launcher() {
  local ranks=$1 threads=${2:-unknown} cores
  cores=$(nproc)
  # Open MPI counts physical cores, and asks to be told that more ranks than those are meant.
  launcher=(mpirun -n "$ranks" --oversubscribe)
  # A rank of one thread that has a core for itself stays on it. All others are free: Open MPI would
  # bind a rank's threads to one core, or stack ranks.
  if [[ $threads == 1 && $ranks -le $cores || $threads == unknown && $ranks -eq $cores ]]; then
    launcher+=(--bind-to core:overload-allowed)
  else
    launcher+=(--bind-to none)
  fi
  # Ranks that share a core must not spin while they wait for each other.
  if [[ $threads == unknown ]]; then threads=1; fi
  if ((ranks * threads > cores)); then launcher+=(--mca mpi_yield_when_idle 1); fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  for number in "${@:-}"; do
    if ! [[ $number =~ ^[1-9][0-9]*$ ]]; then
      echo "launcher: expected RANKS [THREADS], numbers from 1, found '$*'" >&2
      exit 1
    fi
  done
  set_launcher "$@"
  printf '%s\n' "${launcher[@]}"
fi
