#!/usr/bin/env bash
# Strong and weak scaling on 2 and 4 pretend machines, a rank each, whose cables have a bandwidth and
# a delay: writes benchmarks/results/{exchange,growth}-LABEL.json for docs/scaling.md.
#
#   Tests/cluster/growth.sh                            # the three below, some 12 minutes
#   Tests/cluster/growth.sh 'tcp-1gbit 1 0.05'         # LABEL GBIT DELAY_MS, the delay of each cable
#
# A message passes two cables. With a delay of 0 the kernel's token bucket limits the bandwidth;
# else cable.py carries the frames, on the same cores that compute: it slows both. Needs root,
# iproute2 and Open MPI; PROGRAM and RESULTS (a folder) may be set.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
MACHINES=$(mktemp -d "${TMPDIR:-/tmp}/wgangp-growth.XXXXXX")
export MACHINES OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,self
export OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_oob_tcp_if_include=eth0
export OMPI_MCA_plm_rsh_agent=$here/agent.sh
if (($# == 0)); then set -- 'tcp-1gbit 1 0.05' 'tcp-10gbit 10 0' 'tcp-10gbit-delay 10 0.05'; fi

cables=()
down() {
  if ((${#cables[@]})); then kill "${cables[@]}" 2>/dev/null || true; fi
  "$here/machines.sh" down
}
trap down EXIT

for case in "$@"; do
  read -r label gbit delay <<<"$case"
  "$here/machines.sh" up 4
  cables=()
  for machine in m1 m2 m3 m4; do
    if [[ $delay == 0 ]]; then
      tc() { nsenter -t "$("$here/machines.sh" pid "$1")" -n -- tc qdisc add dev "$2" root tbf rate "${gbit}gbit" burst 1mb latency 50ms; }
      tc "$machine" eth0
      tc switch "port${machine#m}"
    else
      "$here/cable.py" "$machine" --gbit "$gbit" --delay-ms "$delay" >"$MACHINES/$machine.cable" &
      cables+=($!)
    fi
    echo "$machine slots=1" >>"$MACHINES/slots"
  done
  sleep 1
  note="Pretend machines on one, a rank each; $gbit Gbit/s, $delay ms a cable, two cables from rank to rank."
  common=(--label "$label" --note "$note" --launcher
    "$here/machines.sh on m1 mpirun -n {ranks} --hostfile $MACHINES/slots --bind-to none"
    --program "${PROGRAM:-$root/.build/release/wgangp-dist}" --results "${RESULTS:-$root/benchmarks/results}")
  "$root/benchmarks/exchange.py" "${common[@]}" --ranks 2 4 --blocks 10
  "$root/benchmarks/growth.py" "${common[@]}" --ranks 1,2,4 --shards 4 --samples 32 --rounds 1
  down
  cables=()
  mkdir -p "$MACHINES"
done
