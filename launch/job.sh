#!/usr/bin/env bash
# What the scripts of all batch systems share. They source it; by itself it does nothing.
#
# A run has a folder, RUN. Each start of a job trains it from where it stands, within the job's time.
# Statuses: 0 done; 75 and 74 (stalled) the same command goes on; others: it would not help.

# shellcheck source=launch/launcher.sh
source "${BASH_SOURCE[0]%/*}/launcher.sh"

say() { echo "job: $*" >&2; }

# Sets `program`: PROGRAM, that of the unpacked package, or the one built here.
find_program() {
  local root
  root=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd)
  for program in "${PROGRAM:-}" "$root/bin/wgangp-dist" "$root/.build/release/wgangp-dist"; do
    if [[ -x $program ]]; then return; fi
  done
  say "no program: expected $root/bin/wgangp-dist (launch/package.sh makes it)," \
    "$root/.build/release/wgangp-dist (swift build -c release), or PROGRAM=FILE"
  exit 1
}

# Whether a line of a table of runs has one.
has_run() { [[ $1 =~ [^[:space:]] && ! $1 =~ ^[[:space:]]*# ]]; }

# Sets `words` to those of a line of a table, as a shell reads them, quotes and all, but nothing is
# expanded, and within quotes a backslash is one. Status 1 where quotes do not match.
table_words() {
  local text
  text=$(xargs printf '%s\n' <<<"$1" 2>/dev/null) || return 1
  mapfile -t words <<<"$text"
}

# Sets the array `launcher`: mpirun in an allocation whose machines it knows, or with more options.
#
#   set_mpirun RANKS THREADS [OPTIONS]
set_mpirun() {
  local name
  # A machine that is gone is noticed in 5 + 3 * 1 seconds; by Open MPI's own
  # values in eight minutes.
  launcher=(
    mpirun -n "$1" --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 1
    --mca oob_tcp_keepalive_probes 3
  )
  if [[ ${BIND:-core} == core ]]; then
    launcher+=(--map-by "slot:PE=$2" --bind-to core)
  else
    launcher+=(--bind-to "$BIND")
  fi
  # mpirun starts ranks elsewhere without this environment.
  for name in LD_LIBRARY_PATH "${!WGANGP_@}"; do
    if [[ -n ${!name:-} ]]; then launcher+=(-x "$name"); fi
  done
  launcher+=("${@:3}")
}

# Trains RUN, and sets `status`.
#
#   train_run THREADS SECONDS [ARGUMENTS]     # SECONDS from now to the end; none: no limit
train_run() {
  local words=(train --run "$RUN" --continue)
  if [[ -n $2 ]]; then words+=(--time-limit "$2"); fi
  if (($1 > 1)); then words+=("training.threads=$1"); fi
  find_program
  if [[ $(id -u) == 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  export TERM=dumb
  # HTCondor starts jobs without PATH: bash then knows the usual folders, mpirun none.
  if [[ ${PATH@a} != *x* ]]; then export PATH=/usr/local/bin:/usr/bin:/bin; fi
  run_ranks "${launcher[@]}" "$program" "${words[@]}" "${@:3}" && status=0 || status=$?
}

# Whether another start may bring the run on: always if it has a new checkpoint, else RETRIES times.
may_go_on() {
  local count=0 latest seen=''
  [[ -d $RUN ]] || return 1
  latest=$(readlink "$RUN/checkpoints/latest") || latest=none
  if [[ -e $RUN/retries ]]; then read -r count seen <"$RUN/retries"; fi
  if [[ $latest != "$seen" ]]; then count=0; fi
  echo "$((count + 1)) $latest" >"$RUN/retries"
  ((count < ${RETRIES:-3}))
}

# Ends the script: with status 75, after COMMAND, which puts the job back into the queue, where another
# start goes on (stopped in order; stalled; a machine lost; ranks killed); else with the ranks' status.
#
#   finish COMMAND
finish() {
  if ((status == 0)); then
    say "$RUN is done"
  elif ((status != 75 && status != 74 && status < 128)); then
    say "status $status: an error, not started again"
  elif ! may_go_on; then
    say "status $status: not started again, as $RUN has no new checkpoint after ${RETRIES:-3} tries"
  else
    "$@" || say "that failed: start the same command again, it goes on with $RUN"
    status=75
  fi
  exit "$status"
}
