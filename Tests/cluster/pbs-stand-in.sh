#!/usr/bin/env bash
# Stands in for PBS, which Debian does not have: as `qsub` and `qdel`, links to this file, it starts
# and ends a job on the pretend machine m1 as PBS does in what launch/pbs.sh relies on. No queue: a job
# starts at once, on machines m1 to mN.
#
#   qsub <JOB              # #PBS -N, -l select=N:...:mpiprocs=M and -l walltime=H:M:S count. Prints JOB.m1
#   qdel JOB.m1            # SIGTERM to all processes of the job's session, ten seconds later SIGKILL
#
# The job has no environment but PBS's own, and what this site sets for MPI; it begins in the home
# folder; what it says goes to NAME.oJOB where qsub was called. At the walltime it is ended as by qdel.
# A job is a folder, PBS_STAND_IN/NUMBER, which has `done` once the job has ended.
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
state=${PBS_STAND_IN:?}

# The processes of a job's session on m1.
processes() { ps -o pid= -s "$(cat "$state/$1/session")"; }

# As PBS's daemon does on each machine.
end() {
  local process
  for process in $(processes "$1"); do kill -TERM "$process" 2>/dev/null || true; done
  for _ in {1..50}; do
    if [[ -z $(processes "$1") ]]; then return; fi
    sleep 0.2
  done
  for process in $(processes "$1"); do kill -KILL "$process" 2>/dev/null || true; done
}

submit() {
  local text name resources walltime number=1 machine index variable job
  text=$(cat)
  name=$(sed -n 's/^#PBS -N //p' <<<"$text")
  resources=$(sed -n 's/^#PBS -l \(select=.*\)/\1/p' <<<"$text")
  walltime=$(sed -n 's/^#PBS -l walltime=//p' <<<"$text")
  if ! [[ $walltime =~ ^[0-9]+:[0-9]+:[0-9]+$ && $resources =~ ^select=([0-9]+):.*mpiprocs=([0-9]+) ]]; then
    echo 'qsub: Illegal attribute or resource value' >&2
    exit 1
  fi
  until mkdir "$state/$number" 2>/dev/null; do number=$((number + 1)); done
  job=$state/$number
  echo "$text" >"$job/script"
  for ((machine = 1; machine <= BASH_REMATCH[1]; machine++)); do
    for ((index = 1; index <= BASH_REMATCH[2]; index++)); do echo "m$machine"; done
  done >"$job/nodes"
  {
    printf '%s\n' "HOME=$HOME" "USER=${USER:-root}" SHELL=/bin/bash "PATH=$PATH" "PBS_STAND_IN=$state" \
      PBS_ENVIRONMENT=PBS_BATCH "PBS_JOBID=$number.m1" "PBS_JOBNAME=$name" "PBS_O_WORKDIR=$PWD" \
      "PBS_NODEFILE=$job/nodes"
    for variable in MACHINES "${!OMPI_@}"; do echo "$variable=${!variable}"; done
  } >"$job/environment"
  setsid "$here/pbs-stand-in.sh" run "$number" "$walltime" </dev/null >"$name.o$number" 2>&1 &
  echo "$number.m1"
}

# PBS's daemon: runs a job until it has ended, or its walltime is over.
#
#   run NUMBER HOURS:MINUTES:SECONDS
run() {
  local job=$state/$1 environment hours minutes seconds process
  IFS=: read -r hours minutes seconds <<<"$2"
  mapfile -t environment <"$job/environment"
  cd
  # shellcheck disable=SC2016  # expanded over there
  "$here/machines.sh" on m1 setsid --wait env -i "${environment[@]}" bash -c \
    'echo $$ >"$1/session"; exec bash "$1/script"' job "$job" &
  process=$!
  while kill -0 "$process" 2>/dev/null; do
    if ((SECONDS >= 10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds)); then end "$1"; fi
    sleep 0.2
  done
  : >"$job/done"
}

case ${0##*/} in
qsub) submit ;;
qdel) end "${1%.m1}" ;;
*)
  if [[ ${1:-} == run ]]; then
    run "$2" "$3"
    exit
  fi
  sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
  exit 1
  ;;
esac
