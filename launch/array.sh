#!/usr/bin/env bash
# Trains a table of slices on this machine, several at a time, each on a core of its own, and reports
# on all of them. A line of the table has what `wgangp-dist train` takes, a file and overrides; lines
# that begin with # count, and have no slice. The same table goes to slurm-array.sbatch.
#
#   cat slices.txt
#     --config configs/showers.yaml name=eta_000 data.path=eta_000.hdf5
#     --config configs/showers.yaml name=eta_005 data.path=eta_005.hdf5 training.iterations=500
#   launch/array.sh slices.txt                        # all; what is done already is left alone
#   launch/array.sh --jobs 8 --only 1-100,205 slices.txt
#   launch/array.sh --report slices.txt               # trains nothing; also of a Slurm array (RUNS=)
#
# What follows the table goes to every slice. A slice that fails does not stop the others. Ctrl-C stops
# all in order and a second one kills: the same command goes on, with slices that failed too.
# Expected result: runs/slices/1, runs/slices/2 and so on, each with what it said in runs/slices/1.log;
# a line a slice at the end, also as runs/slices/report.csv and report.json. Status 0: all are done;
# 1: one failed, or more; 75: the same command goes on.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RUNS=${RUNS:-}             # the folder of the runs; default: runs/ and the table's name
JOBS=${JOBS:-}             # slices at a time; default: as many as there are cores for
THREADS=${THREADS:-1}      # a slice's, with a core each
BIND=${BIND:-core}         # or none, where other work chooses the cores
# --------------------------------------------------------------------------------------------------

# shellcheck source=launch/job.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/job.sh"
# shellcheck source=launch/array-report.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/array-report.sh"

say() { echo "array: $*" >&2; }

usage() {
  say "$1: expected launch/array.sh [--jobs N] [--only 1,3-5] [--report] TABLE [key=value ...]"
  exit 64
}

only='' trains=yes
while (($#)); do
  case $1 in
  --jobs) JOBS=${2:-} ; shift 2 || usage "$1" ;;
  --only) only=${2:-} ; shift 2 || usage "$1" ;;
  --report) trains='' ; shift ;;
  -*) usage "$1" ;;
  *) break ;;
  esac
done
table=${1:-}
[[ -n $table ]] || usage 'no table'
shift
if ! [[ -r $table && -f $table ]]; then
  say "$table: no such file"
  exit 1
fi
name=$(basename -- "$table")
RUNS=${RUNS:-runs/${name%.*}}
for number in "$THREADS" "${JOBS:-1}"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || usage "found $number for a number from 1"
done

# ---- Which slices ---------------------------------------------------------------------------------

# Whether a number is among those of --only.
is_wanted() {
  local part
  [[ -n $only ]] || return 0
  for part in ${only//,/ }; do
    if [[ $part =~ ^([0-9]+)(-([0-9]+))?$ ]]; then
      if (($1 >= 10#${BASH_REMATCH[1]} && $1 <= 10#${BASH_REMATCH[3]:-${BASH_REMATCH[1]}})); then
        return 0
      fi
    else
      usage "--only $only"
    fi
  done
  return 1
}

slices=()
declare -A wanted=()
mapfile -t lines <"$table"
for ((number = 1; number <= ${#lines[@]}; number++)); do
  has_run "${lines[number - 1]}" || continue
  slices+=("$number")
  if is_wanted "$number"; then wanted[$number]=1; fi
done
if ! ((${#wanted[@]})); then
  say "$table: no slice${only:+ among $only}"
  exit 1
fi

if [[ -z $trains ]]; then
  report
  exit "$ending"
fi

# ---- Where ----------------------------------------------------------------------------------------

# The cores that this script may use, one a word.
own_cores() {
  local part
  for part in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr ',' ' '); do
    seq "${part%-*}" "${part#*-}"
  done
}

mapfile -t cores < <(own_cores)
JOBS=${JOBS:-$((${#cores[@]} / THREADS))}
if ((JOBS < 1)); then JOBS=1; fi
if [[ $BIND == core ]] && ! command -v taskset >/dev/null; then
  say 'taskset is missing (util-linux): slices are not bound to cores'
  BIND=none
elif [[ $BIND == core ]] && ((JOBS * THREADS > ${#cores[@]})); then
  say "$JOBS slices of $THREADS threads on ${#cores[@]} cores: they are not bound"
  BIND=none
fi
find_program
mkdir -p "$RUNS"

# ---- A slice --------------------------------------------------------------------------------------

# Trains a slice until it is done, is stopped, or gets no further, and writes the status it ended with.
#
#   train_slice NUMBER PLACE [ARGUMENTS]     # PLACE: from 0, below JOBS
train_slice() {
  local number=$1 place=$2 status=1 stopping='' command=() child
  RUN=$RUNS/$number
  # Read by the report, of a script that still runs.
  echo "running $BASHPID" >"$RUN.status"
  trap 'stopping=yes' USR1
  trap '' INT TERM HUP
  if ! table_words "${lines[number - 1]}"; then
    echo "array: line $number: quotes that do not match" >>"$RUN.log"
    echo 1 >"$RUN.status"
    return
  fi
  command=("$program" train --run "$RUN" --continue "${words[@]}" "${@:3}")
  if ((THREADS > 1)); then command+=("training.threads=$THREADS"); fi
  if [[ $BIND == core ]]; then
    local first=$((place * THREADS))
    local own=("${cores[@]:first:THREADS}")
    command=(taskset -c "$(IFS=,; echo "${own[*]}")" "${command[@]}")
  fi
  while [[ -z $stopping ]]; do
    printf '+%s\n' "$(printf ' %q' "${command[@]}")" >>"$RUN.log"
    # What is ignored here would be ignored there.
    (
      trap - USR1 INT TERM HUP
      exec "${command[@]}"
    ) </dev/null >>"$RUN.log" 2>&1 &
    child=$!
    while
      wait "$child" && status=0 || status=$?
      kill -0 "$child" 2>/dev/null
    do :; done
    # Stalled, or killed by a signal: it goes on from its last checkpoint.
    if ((status != 74 && status < 128)) || ! may_go_on; then break; fi
    say "$number: status $status: started again"
  done
  if [[ -n $stopping ]] && ((status != 0)); then status=75; fi
  echo "$status" >"$RUN.status"
}

# ---- All of them ----------------------------------------------------------------------------------

# By the place of each that runs: its process and number.
declare -A processes=() numbers=()
stops=0

# To the slices' process groups: the terminal's Ctrl-C reaches this script alone.
#
# shellcheck disable=SC2317  # called by the trap
stop_all() {
  local process signal=USR1
  stops=$((stops + 1))
  if ((stops > 1)); then signal=KILL; fi
  say "stopping ${#processes[@]} of the slices"
  for process in "${processes[@]}"; do kill "-$signal" -- "-$process" 2>/dev/null || true; done
}
trap stop_all INT TERM HUP USR1 USR2

# A fifth of a second; Ctrl-C ends it. `wait -n` would miss what ends just before it.
pause() { sleep 0.2 || true; }

# Frees the places of slices that have ended, and says how.
collect() {
  local place number status
  for place in "${!processes[@]}"; do
    if kill -0 "${processes[$place]}" 2>/dev/null; then continue; fi
    number=${numbers[$place]}
    read -r status <"$RUNS/$number.status" || status=running
    if [[ $status == running* ]]; then
      # It was killed itself, by stop_all or somebody else.
      status=$((stops ? 75 : 137))
      echo "$status" >"$RUNS/$number.status"
    fi
    unset "processes[$place]" "numbers[$place]"
    case $status in
    0) say "$number: done" ;;
    75) say "$number: stopped" ;;
    *) say "$number: failed with status $status: $RUNS/$number.log" ;;
    esac
  done
}

say "${#wanted[@]} slices, $JOBS at a time, in $RUNS; Ctrl-C stops all, the same command goes on"
export TERM=dumb
for number in "${slices[@]}"; do
  [[ -n ${wanted[$number]:-} ]] || continue
  while ((${#processes[@]} >= JOBS && stops == 0)); do
    pause
    collect
  done
  if ((stops)); then break; fi
  place=0
  while [[ -n ${processes[$place]:-} ]]; do place=$((place + 1)); done
  set -m
  train_slice "$number" "$place" "$@" </dev/null &
  processes[$place]=$!
  numbers[$place]=$number
  set +m
done
while ((${#processes[@]})); do
  pause
  collect
done

report
if ((stops)); then say "stopped: the same command goes on"; fi
exit "$ending"
