#!/usr/bin/env bash
# Tries launch/ on pretend machines with a real Slurm, a real Grid Engine and a stand-in for PBS, and
# prints what was expected and seen. In all cases the last checkpoint must have the bytes of an
# undisturbed run.
#
#   Tests/cluster/run.sh                       # all cases, about 18 minutes
#   Tests/cluster/run.sh sbatch-srun no-pmi    # some
#   PROGRAM=FILE KEEP=1 Tests/cluster/run.sh   # another program; leaves the logs
#
# Needs root, iproute2, Open MPI, and for Slurm the packages slurm-wlm and munge; where they are
# missing it says so, and the status is 0. Without Grid Engine (gridengine-master, gridengine-exec,
# gridengine-client) its cases are skipped. Expected result: every line ends in "ok".
# shellcheck disable=SC2317  # functions are called by their names
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/Tests/cluster
readonly CASES=(
  sbatch-srun sbatch-mpirun array time-limit preempt scancel signal-mpirun lost-srun lost-mpirun no-pmi
  hosts hosts-stop hosts-lost hosts-bare package sge sge-one sge-qdel
  pbs pbs-qdel pbs-retries
)

skip() {
  echo "cluster: skipped: $*"
  exit 0
}

if [[ $(id -u) != 0 ]]; then skip 'pretend machines need root'; fi
for command in ip nsenter unshare mpirun slurmctld slurmd munged; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null \
    || skip "$command is missing (apt-get install iproute2 util-linux openmpi-bin slurm-wlm munge)"
done
unshare --net --mount --pid --fork true 2>/dev/null || skip 'namespaces are not allowed here'

work=$(mktemp -d "${TMPDIR:-/tmp}/wgangp-cluster.XXXXXX")
export MACHINES=$work/machines ROOT=$root PROGRAM=${PROGRAM:-$root/.build/release/wgangp-dist}
if ! [[ -x $PROGRAM ]]; then
  echo "cluster: $PROGRAM: no program: swift build -c release" >&2
  exit 1
fi
# All machines share these cores: ranks are not bound, and do not spin. MPI crosses the cables.
export BIND=none OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,self
export OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_plm_rsh_agent=$here/agent.sh
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# A run of seconds, which saves every one of them.
readonly BRIEF=(width=4 training.batch=8 output.checkpointEvery='20 iterations' output.sampleEvery=never)

on() { "$here/machines.sh" on "$@"; }
clean_up() {
  "$here/sge.sh" down
  "$here/slurm.sh" down
  if [[ -z ${KEEP:-} ]]; then rm -rf "$work"; else echo "cluster: logs are in $work"; fi
}

# ---- what cases are made of ----------------------------------------------------------------------

# Iterations a second of one process of this machine: two pretend machines make more, up to twice.
measure_pace() {
  local begin
  begin=$(date +%s%3N)
  (
    unset "${!OMPI_MCA_@}"
    "$PROGRAM" train --run "$work/pace" "${BRIEF[@]}" training.iterations=1000 </dev/null
  ) >"$work/pace.log" 2>&1 || {
    tail -n 3 "$work/pace.log" >&2
    exit 1
  }
  pace=$((1000000 / ($(date +%s%3N) - begin)))
}

# Iterations that keep one process busy for so many seconds: what is to be broken off must not be
# done before.
iterations() {
  local count=$(($1 * pace))
  echo $((count > 400 ? count : 400))
}

# The bytes of a run's last checkpoint against those of an undisturbed one of as many iterations.
bits() {
  local run=$1 reference=$work/reference-$2 file
  if ! [[ -e $reference/checkpoints/latest/DONE ]]; then
    (
      unset "${!OMPI_MCA_@}"
      "$PROGRAM" train --run "$reference" "${BRIEF[@]}" "training.iterations=$2" </dev/null
    ) >"$reference.log" 2>&1
  fi
  for file in "$reference"/checkpoints/latest/*.safetensors; do
    if ! cmp -s "$file" "$run/checkpoints/latest/${file##*/}"; then
      echo 'other bits'
      return
    fi
  done
  echo 'same bits'
}

# Waits until a command succeeds: `within SECONDS COMMAND`. What did not is added to `late`, and the
# case goes on, so that it says what it sees.
within() {
  local end=$((SECONDS + $1))
  until "${@:2}"; do
    if ((SECONDS > end)); then
      late+=" $2 ($1 s)"
      return
    fi
    sleep 0.3
  done
}
has_checkpoint() { [[ -e $1/checkpoints/latest/DONE ]]; }
# A controller that does not answer does not say so.
gone() {
  local states
  states=$(on m1 squeue -h -j "$1" -t all -o %t 2>/dev/null) || return 1
  ! grep -qvE '^(CD|F|CA|TO|NF)$' <<<"$states"
}

# sbatch SCRIPT OPTIONS -- ARGUMENTS: the log and the run have the case's name. Sets `job`.
submit() {
  local script=$1 options=()
  shift
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  export RUN=$work/$name/run
  job=$(on m1 sbatch --parsable -J "$name" -o "$work/$name/log" "${options[@]}" "$script" "${@:2}")
}
state() { on m1 scontrol show job -o "$job" | sed -n 's/.* JobState=\([^ ]*\).*/\1/p'; }
restarts() {
  local count
  count=$(on m1 scontrol show job -o "$job" | sed -n 's/.* Restarts=\([^ ]*\).*/\1/p')
  if ((count > 0)); then echo restarted; else echo 'not restarted'; fi
}
# logged TEXT THEN ELSE
logged() { if grep -q -- "$1" "$work/$name/log"; then echo "$2"; else echo "$3"; fi; }
readonly SLURM=$root/launch/slurm.sbatch
# As many nodes as the job has ranks: two.
readonly TWO=(-N 2 --ntasks-per-node=1 --time=5)

# ---- cases: each sets `expected` and `seen` ------------------------------------------------------

case_sbatch-srun() {
  expected='COMPLETED, not restarted, same bits'
  LAUNCH=srun submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" training.iterations=200
  within 120 gone "$job"
  seen="$(state), $(restarts), $(bits "$RUN" 200)"
}

case_sbatch-mpirun() {
  expected='COMPLETED, not restarted, same bits'
  LAUNCH=mpirun submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" training.iterations=200
  within 120 gone "$job"
  seen="$(state), $(restarts), $(bits "$RUN" 200)"
}

case_array() {
  expected='same bits, other bits of another seed'
  local words
  printf -v words ' %q' "${BRIEF[@]}" training.iterations=200
  printf '%s\n' "$words" "$words seed=1" >"$work/$name/table"
  submit "$root/launch/slurm-array.sbatch" -N 1 --ntasks-per-node=2 --array=1-2 -- "$work/$name/table"
  within 120 gone "$job"
  seen="$(bits "$RUN/1" 200), $(bits "$RUN/2" 200) of another seed"
}

# The trainer's own knowledge of the time: without Slurm's signal, which comes up to a minute earlier.
case_time-limit() {
  local count
  count=$(iterations 120)
  expected='COMPLETED, restarted by the time limit, same bits'
  submit "$SLURM" "${TWO[@]}" --time=1 --signal=B:CONT@1 -- "${BRIEF[@]}" "training.iterations=$count"
  within 900 gone "$job"
  seen="$(state), $(restarts) $(logged 'stopped by the time limit' 'by the time limit' otherwise)"
  seen+=", $(bits "$RUN" "$count")"
}

case_preempt() {
  local count
  count=$(iterations 10)
  expected='COMPLETED, restarted, same bits'
  submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  on m1 sbatch -p urgent --exclusive -N 3 -o /dev/null --wrap 'sleep 2' >/dev/null
  within 200 gone "$job"
  seen="$(state), $(restarts), $(bits "$RUN" "$count")"
}

case_scancel() {
  local count
  count=$(iterations 10)
  expected='CANCELLED, saved; submitted again: COMPLETED, same bits'
  submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  on m1 scancel "$job"
  within 60 gone "$job"
  seen="$(state), $(logged 'stopped by SIG' saved 'not saved')"
  submit "$SLURM" "${TWO[@]}" --open-mode=append -- "${BRIEF[@]}" "training.iterations=$count"
  within 120 gone "$job"
  seen+="; submitted again: $(state), $(bits "$RUN" "$count")"
}

# mpirun kills on SIGTERM, so under it a stop is asked for by SIGUSR1 to the script.
case_signal-mpirun() {
  local count
  count=$(iterations 10)
  expected='COMPLETED, restarted, same bits'
  LAUNCH=mpirun submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  on m1 scancel --signal=USR1 --batch "$job"
  within 200 gone "$job"
  seen="$(state), $(restarts), $(bits "$RUN" "$count")"
}

lose_node() {
  local count
  count=$(iterations 10)
  expected='COMPLETED, restarted, same bits'
  LAUNCH=$1 submit "$SLURM" "${TWO[@]}" -- "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  "$here/machines.sh" off m2
  within 200 gone "$job"
  seen="$(state), $(restarts), $(bits "$RUN" "$count")"
  "$here/machines.sh" boot m2
  "$here/slurm.sh" node m2
  within 60 idle
}
idle() { [[ $(on m1 sinfo -h -o %t -N | sort -u) == idle ]]; }
case_lost-srun() { lose_node srun; }
case_lost-mpirun() { lose_node mpirun; }

case_no-pmi() {
  expected='FAILED, refused with the command that works'
  job=$(on m1 sbatch --parsable "${TWO[@]}" -o "$work/$name/log" \
    --wrap "srun --mpi=none $PROGRAM train --run $work/$name/run ${BRIEF[*]// /\\ } training.iterations=200")
  within 120 gone "$job"
  seen="$(state), $(logged 'srun --mpi=pmix' 'refused with the command that works' 'not refused')"
}

# hosts.sh on m1, with a rank on each of so many machines. `end` is its status and the bits.
hosts() {
  local count=$1 number
  for ((number = 1; number <= count; number++)); do echo "m$number slots=1"; done \
    >"$work/$name/hosts"
  export RUN=$work/$name/run HOSTFILE=$work/$name/hosts
  on m1 "$root/launch/hosts.sh" "${BRIEF[@]}" training.iterations=300 </dev/null >>"$work/$name/log" 2>&1
}

case_hosts() {
  expected='status 0, same bits'
  local status=0
  hosts 2 || status=$?
  seen="status $status, $(bits "$RUN" 300)"
}

case_hosts-stop() {
  expected='status 75; on one machine: status 0, same bits'
  local status=0 process
  hosts 2 &
  process=$!
  within 60 has_checkpoint "$work/$name/run"
  kill -TERM "$(child_of "$process")"
  wait "$process" || status=$?
  seen="status $status"
  status=0
  hosts 1 || status=$?
  seen+="; on one machine: status $status, $(bits "$RUN" 300)"
}
# What a function in the background runs; m1 has the numbers of this machine.
child_of() { cat "/proc/$1/task/$1/children"; }

case_hosts-lost() {
  expected='lost: status 75 within 12 s; on two others: status 0, same bits'
  local status=0 process start=0 seconds
  hosts 2 &
  process=$!
  within 60 has_checkpoint "$work/$name/run"
  start=$SECONDS
  "$here/machines.sh" off m2
  wait "$process" || status=$?
  seconds=$((SECONDS - start))
  if ((seconds <= 12)); then seconds='within 12 s'; else seconds="after $seconds s"; fi
  seen="lost: status $status $seconds"
  "$here/machines.sh" boot m2
  "$here/slurm.sh" node m2
  status=0
  hosts 2 || status=$?
  seen+="; on two others: status $status, $(bits "$RUN" 300)"
}

# As HTCondor starts the job of machine.sub: without any environment but that of the file. Status 75
# leaves the job in the queue.
case_hosts-bare() {
  expected='75 by the time limit, then 0, same bits'
  local count status=0 starts=0
  count=$(iterations 30)
  export RUN=$work/$name/run
  while
    env -i HOSTFILE= RUN="$RUN" RANKS=2 TIME_LIMIT=12s PROGRAM="$PROGRAM" "$root/launch/hosts.sh" "${BRIEF[@]}" \
      "training.iterations=$count" </dev/null >>"$work/$name/log" 2>&1 && status=0 || status=$?
    starts=$((starts + 1))
    ((status == 75 && starts < 40))
  do :; done
  if ((starts > 1)); then seen='75 by the time limit, then '; fi
  seen+="$status, $(bits "$RUN" "$count")"
}

# The packed program on a machine where the folder of Swift is empty.
case_package() {
  expected='no swift, status 0, same bits'
  local swift file status=0
  swift=$(dirname -- "$(dirname -- "$(readlink -f "$(command -v swift)")")")
  file=${PACKAGE:-$("$root/launch/package.sh" 2>"$work/$name/build.log" | tail -n 1)}
  tar -xf "$file" -C "$work/$name"
  file=$(echo "$work/$name"/wgangp-dist-*)
  on m3 mount -t tmpfs tmpfs "$swift"
  seen=$(on m3 "$PROGRAM" --version >/dev/null 2>&1 && echo 'swift is there' || echo 'no swift')
  export RUN=$work/$name/run HOSTFILE=$work/$name/hosts
  echo 'm3 slots=2' >"$HOSTFILE"
  PROGRAM='' on m1 "$file/launch/hosts.sh" "${BRIEF[@]}" training.iterations=300 </dev/null \
    >>"$work/$name/log" 2>&1 || status=$?
  on m3 umount "$swift"
  seen+=", status $status, $(bits "$RUN" 300)"
}

# ---- Grid Engine on m1 and m2 --------------------------------------------------------------------

# Starts it for the first of its cases; status 1 where it is missing.
has_sge() {
  local command
  for command in sge_qmaster sge_execd qsub qresub; do
    if ! PATH=$PATH:/usr/sbin command -v "$command" >/dev/null; then
      skipped="$command is missing (apt-get install gridengine-master gridengine-exec gridengine-client)"
      return 1
    fi
  done
  export SGE_ROOT=$MACHINES/sge SGE_CELL=pretend SGE_QMASTER_PORT=16444 SGE_EXECD_PORT=16445
  if ! [[ -e $SGE_ROOT ]]; then "$here/sge.sh" up 2 >/dev/null; fi
}
sge() { on m1 env -u OMPI_MCA_plm_rsh_agent "$@"; }
sge_gone() { [[ -z $(sge qstat 2>&1) ]]; }

# sge_submit MACHINES SECONDS ARGUMENTS: a rank on each of so many machines. The log is of all starts.
sge_submit() {
  export RUN=$work/$name/run
  sge qsub -N "$name" -pe mpi "$1" -l "h_rt=$2" -o "$work/$name/log" "$root/launch/sge.sh" "${@:3}" \
    >"$work/$name/submitted"
}
sge_starts() { if (($(grep -c '^+ mpirun' "$work/$name/log") > 1)); then echo restarted; else echo 'not restarted'; fi; }

# The trainer stops 30 seconds before h_rt.
sge_time-limit() {
  local count
  has_sge || return 0
  count=$(iterations 30)
  sge_submit "$1" 42 "${BRIEF[@]}" "training.iterations=$count"
  within 600 sge_gone
  seen="$(logged 'is done$' finished 'not finished'), $(sge_starts) $(logged "$2" "$3" otherwise)"
  seen+=", $(bits "$RUN" "$count")"
}
case_sge() {
  expected='finished, restarted as a copy, same bits'
  sge_time-limit 2 'a copy is in the queue' 'as a copy'
}
case_sge-one() {
  expected='finished, restarted by status 99, same bits'
  sge_time-limit 1 'back into the queue' 'by status 99'
}

case_sge-qdel() {
  expected='saved, not queued again; submitted again: finished, same bits'
  local count
  has_sge || return 0
  count=$(iterations 10)
  sge_submit 2 300 "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  sge qdel "$name" >/dev/null
  within 60 sge_gone
  seen="$(logged 'stopped by SIG' saved 'not saved'), $(logged 'not queued again' 'not queued again' 'queued again')"
  sge_submit 2 300 "${BRIEF[@]}" "training.iterations=$count"
  within 120 sge_gone
  seen+="; submitted again: $(logged 'is done$' finished 'not finished'), $(bits "$RUN" "$count")"
}

# ---- a stand-in for PBS on m1 and m2 -------------------------------------------------------------

# pbs_submit SECONDS ARGUMENTS: launch/pbs.sh, a rank on each of two machines, in the case's folder.
pbs_submit() {
  local folder=$work/$name
  export PBS_STAND_IN=$folder/jobs RUN=$folder/run NODES=2 RANKS_PER_NODE=1 WALLTIME=0:00:$1
  mkdir -p "$folder/bin" "$PBS_STAND_IN"
  ln -sf "$root/launch" "$folder/"
  ln -sf "$here/pbs-stand-in.sh" "$folder/bin/qsub"
  ln -sf "$here/pbs-stand-in.sh" "$folder/bin/qdel"
  (cd "$folder" && PATH=$folder/bin:$PATH launch/pbs.sh "${@:2}") >"$folder/job"
}
# No job runs: each submits the next one before it ends. Then `log` is that of all.
pbs_gone() {
  local job
  for job in "$PBS_STAND_IN"/*; do [[ -e $job/done ]] || return 1; done
  cat "$work/$name"/run.o* >"$work/$name/log"
}
pbs_jobs() { find "$PBS_STAND_IN" -mindepth 1 -maxdepth 1 | wc -l; }

case_pbs() {
  expected='two nodes, finished, submitted itself again, same bits'
  local count
  count=$(iterations 30)
  pbs_submit 25 "${BRIEF[@]}" "training.iterations=$count"
  within 600 pbs_gone
  seen="$(logged 'every node has one rank' 'two nodes' 'other nodes'), $(logged 'is done$' finished 'not finished')"
  if (($(pbs_jobs) == $(grep -c 'submitted again as' "$work/$name/log") + 1 && $(pbs_jobs) > 1)); then
    seen+=', submitted itself again'
  fi
  seen+=", $(bits "$RUN" "$count")"
}

# PBS tells mpirun at the same time: it kills the ranks.
case_pbs-qdel() {
  expected='1 job, not submitted again; by hand: finished, same bits'
  local count
  count=$(iterations 10)
  pbs_submit 59 "${BRIEF[@]}" "training.iterations=$count"
  within 60 has_checkpoint "$RUN"
  "$work/$name/bin/qdel" "$(<"$work/$name/job")"
  within 60 pbs_gone
  seen="$(pbs_jobs) job, $(logged 'not submitted again' 'not submitted again' 'submitted again')"
  pbs_submit 59 "${BRIEF[@]}" "training.iterations=$count"
  within 120 pbs_gone
  seen+="; by hand: $(logged 'is done$' finished 'not finished'), $(bits "$RUN" "$count")"
}

# A program that ends in order, and has saved nothing.
case_pbs-retries() {
  expected='3 jobs, then the reason'
  local PROGRAM=$work/$name/program
  printf '#!/bin/sh\nmkdir -p %s\nexit 75\n' "$work/$name/run" >"$PROGRAM"
  chmod +x "$PROGRAM"
  RETRIES=2 pbs_submit 59
  within 60 pbs_gone
  seen="$(pbs_jobs) jobs, $(logged 'no new checkpoint after 2 tries' 'then the reason' 'no reason')"
}

# --------------------------------------------------------------------------------------------------

for name in "$@"; do
  if [[ " ${CASES[*]} " != *" $name "* ]]; then
    echo "cluster: no case '$name'; expected ${CASES[*]}" >&2
    exit 1
  fi
done
trap clean_up EXIT
measure_pace
SLURM_CONF=$("$here/slurm.sh" up 3)
export SLURM_CONF

failures=0
printf '%-14s %-62s %-62s %4s\n' case expected seen s
for name in "${@:-${CASES[@]}}"; do
  mkdir -p "$work/$name"
  expected='' seen='' late='' skipped='' start=$SECONDS
  "case_$name"
  if [[ -n $skipped ]]; then
    printf '%-14s skipped: %s\n' "$name" "$skipped"
    continue
  fi
  if [[ -n $late ]]; then seen+=", waited in vain:$late"; fi
  verdict=ok
  if [[ $seen != "$expected" ]]; then
    verdict=FAILED
    failures=$((failures + 1))
    KEEP=1
  fi
  printf '%-14s %-62s %-62s %4d %s\n' "$name" "$expected" "$seen" "$((SECONDS - start))" "$verdict"
done
exit $((failures > 0))
