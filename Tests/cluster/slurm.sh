#!/usr/bin/env bash
# A real Slurm on pretend machines: its controller on m1, a daemon on each.
#
#   slurm.sh up N     # machines, munge and Slurm; about 7 seconds. Prints the SLURM_CONF to use
#   slurm.sh node m2  # starts the daemon of a machine that was booted again
#   slurm.sh down
#
# Needs root and the packages slurm-wlm and munge. MACHINES as in machines.sh.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export MACHINES=${MACHINES:-/tmp/wgangp-machines}
folder=$MACHINES/slurm
export SLURM_CONF=$folder/slurm.conf

on() { "$here/machines.sh" on "$@"; }

# Short times: a node is down after 10 seconds without an answer (Slurm's default: 300), and what
# was told to end is killed after 8 (30). A requeued job may start 5 seconds later (120).
configure() {
  cat <<END
ClusterName=pretend
SlurmctldHost=m1(10.77.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TmpFS=$folder/tmp/%n
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
KillWait=8
SlurmdTimeout=10
MailProg=/bin/true
MpiDefault=pmix
END
  local number
  for ((number = 1; number <= $1; number++)); do
    echo "NodeName=m$number NodeAddr=10.77.0.$number CPUs=2 RealMemory=1000 State=UNKNOWN"
  done
  echo "PartitionName=normal Nodes=m[1-$1] Default=YES PriorityTier=1 GraceTime=8 State=UP"
  echo "PartitionName=urgent Nodes=m[1-$1] PriorityTier=2 PreemptMode=OFF State=UP"
}

up() {
  local number munge=$folder/munge
  "$here/machines.sh" up "$1"
  mkdir -p "$folder"/{state,log,munge}
  chmod 700 "$munge"
  head -c 128 /dev/urandom >"$munge/key"
  chmod 400 "$munge/key"
  for ((number = 1; number <= $1; number++)); do mkdir -p "$folder"/{tmp,spool}/"m$number"; done
  configure "$1" >"$SLURM_CONF"
  munged --force --socket="$munge/socket" --key-file="$munge/key" --pid-file="$munge/pid" \
    --log-file="$munge/log" --seed-file="$munge/seed"
  on m1 slurmctld
  for ((number = 1; number <= $1; number++)); do on "m$number" slurmd; done
  for _ in {1..200}; do
    if [[ $(on m1 sinfo -h -o %t -N | sort -u) == idle ]]; then
      echo "$SLURM_CONF"
      return
    fi
    sleep 0.1
  done
  echo "slurm: the nodes are not idle after 20 seconds; logs are in $folder/log" >&2
  exit 1
}

down() {
  local file
  for file in "$folder"/slurmctld.pid "$folder"/slurmd-m1.pid "$folder"/munge/pid; do
    if [[ -e $file ]]; then kill -KILL "$(cat "$file")" 2>/dev/null || true; fi
  done
  "$here/machines.sh" down
}

case ${1:-} in
up) up "$2" ;;
node) on "$2" slurmd ;;
down) down ;;
*)
  sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
  exit 1
  ;;
esac
