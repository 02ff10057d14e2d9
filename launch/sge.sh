#!/usr/bin/env bash
# Trains on a cluster with Grid Engine (Son of Grid Engine, Open Grid Scheduler, Univa) until the run is
# done: at the time limit the job saves and goes back into the queue. Arguments go to `wgangp-dist train`.
#
#   qsub -N fashion launch/sge.sh --config configs/fashion-mnist-wgan-gp-no-critic-norm.yaml
#   qsub -pe orte 16 -l h_rt=1:00:00 launch/sge.sh      # qsub's options come first
#
# Submit from the project's folder, or the unpacked package's, on a file system that all nodes share.
# Expected result: runs/fashion, and fashion.oJOB, whose last line is "job: runs/fashion is done".

# ---- change these, here or on qsub's command line; `qconf -spl` lists parallel environments -------
#$ -N glyphs
#$ -pe mpi 8
#$ -l h_rt=4:00:00
# --------------------------------------------------------------------------------------------------
#$ -cwd
#$ -V
#$ -j y
#$ -S /bin/bash
#$ -r y
#$ -notify
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
RUN=${RUN:-runs/$JOB_NAME}     # the run's folder: the next job of this name goes on with it
THREADS=${THREADS:-1}          # a rank's; slots are ranks times threads
# --------------------------------------------------------------------------------------------------

cd -- "${ROOT:-$SGE_O_WORKDIR}"
# shellcheck source=launch/job.sh
source launch/job.sh

# The job's h_rt in seconds, as the queue knows it. A job that ends when h_rt is over is not queued
# again, whatever its status: it ends half a minute earlier.
limit=$(qstat -j "$JOB_ID" 2>/dev/null \
  | sed -n 's/^hard resource_list:.*h_rt=\([0-9]*\).*/\1/p') || limit=
if [[ -n $limit ]]; then limit=$((limit - SECONDS - 30)); fi

set_mpirun "$((NSLOTS / THREADS))" "$THREADS"
# With -notify SIGUSR2 comes before the kill of qdel, and SIGUSR1 before a suspension.
stop_signals='USR1 USR2 TERM INT HUP' is_patient=yes
train_run "$THREADS" "$limit" "$@"
# Grid Engine queues a job that ends with 99 again. Where it started ranks on other machines itself
# (control_slaves), it then waits for ever for their word that these have ended, which they have given
# before: such a job would not start on them again, so a copy of it goes into the queue.
# shellcheck disable=SC2317  # called by finish
requeue() {
  if [[ ${stopped_by:-} == USR2 ]]; then
    say "status $status: deleted, so not queued again"
    return
  fi
  if ((NHOSTS > 1)); then
    if qresub "$JOB_ID"; then
      say "status $status: a copy is in the queue"
      return
    fi
    say "qresub failed ($(hostname) is no submit host?): goes back itself, for other machines only"
  fi
  say "status $status: back into the queue"
  exit 99
}
finish requeue
