#!/usr/bin/env bash
# How ranks are started: the one rule, for scripts in bash (sourced) and others.
#
#   launch/launcher.sh RANKS [THREADS]      # prints the command for this machine, a word a line
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

# mpirun and srun add paragraphs of their own to a status other than 0; the program has said in a
# line why it ends. mpirun's -q would hide its own errors too. Ranks that a signal ended are named.
without_paragraphs() {
  sed -u -e '/^-\{74\}$/{' -e ':more' -e '$!N' -e '/\n-\{74\}$/!{' -e '$!b more' -e '}' \
    -e '/Primary job  terminated\|exited with non-zero status\|MPI_ABORT was invoked/d' -e '}' \
    -e '/^\[warn\] Epoll MOD/d' -e '/: Forwarding signal [0-9]* to job$/d' \
    -e '/^srun: error: .*: Exited with exit code [0-9]*$/d' -e '/^srun: .*Terminating StepId=/d'
}

# Hands lines on, and kills an mpirun of this script that has not ended 20 seconds after it named a rank
# that a signal ended, or a rank said that the job has stalled: Open MPI 4.1.4 can wait for itself when
# all ranks die while they start, and for a rank that no signal ends, as it waits for a file system.
end_hung() {
  local line='' patience=() child
  while :; do
    if IFS= read -r "${patience[@]}" line; then
      printf '%s\n' "$line"
      case $line in
        'mpirun noticed that process rank '* | 'wgangp-dist: error: the job has stalled; '*)
          patience=(-t 20) ;;
      esac
    elif (($? <= 128)); then
      printf %s "$line"
      return
    else
      patience=()
      for child in $(<"/proc/$$/task/$$/children"); do
        if [[ $(<"/proc/$child/comm") == mpirun ]]; then
          echo 'launcher: mpirun has not ended 20 s after its ranks, and is killed'
          kill -KILL "$child"
        fi
      done
    fi
  done
} 2>/dev/null

# Removes what mpiruns of this user that were killed have left on this machine: 8 MB each. Elsewhere,
# or where their number is another process's now, it stays.
remove_leftovers() {
  local folder
  for folder in "${TMPDIR:-/tmp}/ompi.${HOSTNAME%%.*}.$UID"/pid.*; do
    if [[ -O $folder && ! -L $folder && ! -e /proc/${folder##*.} ]]; then rm -rf "$folder"; fi
  done
}

# Runs a command and returns its status. A signal to this script asks the ranks to stop in order:
# it goes on as SIGUSR1, which mpirun and srun hand to all of them. On SIGINT and SIGTERM mpirun
# would kill them one second later.
#
# `stop_signals` are the signals, `stop_with` another one for the ranks. A second signal kills, unless
# `is_patient` is set: batch systems send several. `stopped_by` is then the last one's name.
run_ranks() {
  local process filter stops=0 seen status name
  # shellcheck disable=SC2034  # for scripts that source this file
  stopped_by=
  remove_leftovers
  printf '+' >&2
  printf ' %q' "$@" >&2
  printf '\n' >&2
  exec {errors}> >(
    trap '' INT TERM HUP USR1 USR2
    without_paragraphs | end_hung >&2
  )
  filter=$!
  # In a process group of its own: Ctrl-C in the terminal reaches this script only.
  set -m
  "$@" </dev/null 2>&"$errors" {errors}>&- &
  process=$!
  set +m
  # shellcheck disable=SC2317  # called by the trap
  stop_ranks() {
    stops=$((stops + 1))
    # shellcheck disable=SC2034
    stopped_by=$1
    local signal=${stop_with:-USR1}
    if ((stops > 1)) && [[ -z ${is_patient:-} ]]; then signal=TERM; fi
    kill "-$signal" "$process" 2>/dev/null || true
  }
  # shellcheck disable=SC2064  # the signal's name as it is now
  for name in ${stop_signals:-INT TERM HUP}; do trap "stop_ranks $name" "$name"; done
  # A signal interrupts `wait` with a status of its own, so ask again until the job has ended.
  while
    seen=$stops
    wait "$process" && status=0 || status=$?
    ((seen != stops))
  do :; done
  exec {errors}>&-
  wait "$filter" || true
  return "$status"
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
