#!/usr/bin/env bash
# Trains on a cluster with PBS (OpenPBS, PBS Professional, Torque) until the run is done. PBS hands no
# arguments to a script, so this one submits itself; they go to `wgangp-dist train`.
#
#   RUN=runs/fashion launch/pbs.sh --config configs/fashion-mnist-wgan-gp-no-critic-norm.yaml
#   DRY_RUN=1 launch/pbs.sh            # prints the job instead
#
# Call it in the project's folder, or the unpacked package's, on a file system that all nodes share.
# At the walltime the job saves and submits itself again, since only operators may requeue with qrerun.
# Expected result: runs/fashion, and fashion.oJOB for each start; the last one ends in
# "job: runs/fashion is done".
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RUN=${RUN:-runs/glyphs}            # the run's folder
NODES=${NODES:-2}
RANKS_PER_NODE=${RANKS_PER_NODE:-4}
THREADS=${THREADS:-1}              # a rank's
WALLTIME=${WALLTIME:-4:00:00}      # hours:minutes:seconds
# Torque: RESOURCES="nodes=2:ppn=4"
RESOURCES=${RESOURCES:-select=$NODES:ncpus=$((RANKS_PER_NODE * THREADS)):mpiprocs=$RANKS_PER_NODE}
QUEUE=${QUEUE:-}
# --------------------------------------------------------------------------------------------------

submit() {
  local job variable submitter=(qsub)
  if [[ -n ${DRY_RUN:-} ]]; then submitter=(cat); fi
  job="#!/usr/bin/env bash
#PBS -N $(basename -- "$RUN" | tr -c 'A-Za-z0-9_.\n-' _)
#PBS -l $RESOURCES
#PBS -l walltime=$WALLTIME
#PBS -j oe
#PBS -r y
${QUEUE:+#PBS -q $QUEUE
}cd -- $(printf %q "$PWD")"
  for variable in RUN NODES RANKS_PER_NODE THREADS WALLTIME RESOURCES QUEUE PROGRAM BIND RETRIES; do
    if [[ -n ${!variable:-} ]]; then job+=$(printf '\nexport %s=%q' "$variable" "${!variable}"); fi
  done
  job+=$'\nexec launch/pbs.sh'$(printf ' %q' "$@")
  "${submitter[@]}" <<<"$job"
}

if [[ -z ${PBS_NODEFILE:-} ]]; then
  submit "$@"
  exit
fi

# shellcheck source=launch/job.sh
source launch/job.sh
# What qsub of the next job must not take for its own.
# shellcheck disable=SC2317  # called by finish
again() {
  if [[ ${stopped_by:-} == TERM ]] && ((SECONDS < end)); then
    say "status $status: deleted, so not submitted again"
    return
  fi
  say "status $status: submitted again as $(
    unset PBS_NODEFILE
    submit "$@"
  )"
}
# The file has a line a rank; an mpirun that was built without PBS's library does not know it by itself.
# As a --hostfile, a machine of one line would count as one with as many ranks as cores.
hosts=$(sort "$PBS_NODEFILE" | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)/\2:\1/' | paste -sd ,)
set_mpirun "$(wc -l <"$PBS_NODEFILE")" "$THREADS" --host "$hosts"
IFS=: read -r hours minutes seconds <<<"$WALLTIME"
# PBS counts from before this script, and SIGTERM is told at the walltime as by qdel.
end=$((10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds - 10))
stop_signals='USR1 USR2 TERM INT HUP' is_patient=yes
train_run "$THREADS" "$((end - SECONDS))" "$@"
# PBS tells mpirun at the same time: it kills the ranks, and ends with 1.
if [[ ${stopped_by:-} == TERM ]] && ((status == 1)); then status=143; fi
finish again "$@"
