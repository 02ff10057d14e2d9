#!/usr/bin/env bash
# Pretend machines on this one: m1...mN, each with a network, host name, processes, memory segments
# and mounts of its own, joined by cables to a switch in a further namespace. The real network is
# never touched. Needs root, iproute2 and util-linux.
#
#   machines.sh up N            # starts them; about 0.1 seconds each
#   machines.sh on m2 COMMAND   # runs a command there, in this folder
#   machines.sh off m2          # power off: its processes are gone, and nobody is told
#   machines.sh boot m2         # power on
#   machines.sh cut m2          # cable out; `heal m2` puts it back
#   machines.sh pid m2          # the process whose namespaces they are
#   machines.sh down            # ends all
#
# MACHINES (default /tmp/wgangp-machines) is the folder of one set; several can run side by side.
set -euo pipefail

state=${MACHINES:-/tmp/wgangp-machines}
readonly NETWORK=10.77.0

pid() { cat "$state/$1.pid"; }

# Runs a command in a machine's network.
net() { nsenter -t "$(pid "$1")" -n -- "${@:2}"; }

# Starts a process that holds a machine's namespaces, and writes its number.
start() {
  local name=$1 starter child='' processes=(--pid --mount-proc)
  # m1 keeps the outer processes: from a namespace of its own mpirun's agent could not enter the
  # other machines'.
  if [[ $name == m1 ]]; then processes=(); fi
  # shellcheck disable=SC2016  # expanded over there
  setsid unshare --net --uts --ipc --mount "${processes[@]}" --fork --kill-child=KILL bash -c '
      hostname "$1"
      mount -t tmpfs tmpfs /dev/shm
      mount --bind "$2/hosts" /etc/hosts
      ip link set lo up
      : >"$2/$1.up"
      if (($$ != 1)); then exec sleep infinity; fi
      trap : CHLD # the first process of a machine reaps the orphans
      while :; do sleep 1000 & wait $!; done
    ' machine "$name" "$state" </dev/null >"$state/$name.log" 2>&1 &
  starter=$!
  for _ in {1..200}; do
    read -r child _ <"/proc/$starter/task/$starter/children" || true
    if [[ -n $child && -e $state/$name.up ]]; then break; fi
    sleep 0.02
  done
  echo "$child" >"$state/$name.pid"
}

boot() {
  local name=$1 number=${1#m}
  rm -f "$state/$name.off" "$state/$name.up"
  start "$name"
  net switch ip link del "port$number" 2>/dev/null || true
  net switch ip link add "port$number" type veth peer name eth0 netns "$(pid "$name")"
  net switch ip link set "port$number" master bridge up
  net "$name" ip addr add "$NETWORK.$number/24" dev eth0
  net "$name" ip link set eth0 up
}

# Forgets what the machines know of each other's cables.
settle() {
  local file
  for file in "$state"/m*.pid; do
    nsenter -t "$(cat "$file")" -n ip neigh flush all 2>/dev/null || true
  done
}

up() {
  local number
  mkdir -p "$state"
  echo '127.0.0.1 localhost' >"$state/hosts"
  for ((number = 1; number <= $1; number++)); do
    echo "$NETWORK.$number m$number" >>"$state/hosts"
  done
  start switch
  net switch ip link add bridge type bridge
  net switch ip link set bridge up
  for ((number = 1; number <= $1; number++)); do boot "m$number"; done
}

down() {
  local file
  for file in "$state"/*.pid; do
    if [[ -e $file ]]; then kill -KILL "$(cat "$file")" 2>/dev/null || true; fi
  done
  sleep 0.2
  rm -rf "$state"
}

case ${1:-} in
up) up "$2" ;;
on)
  # Without a namespace of processes nsenter becomes the command: the same number, its own status.
  spaces=(-a)
  if [[ $2 == m1 ]]; then spaces=(-n -u -i -m); fi
  exec nsenter -t "$(pid "$2")" "${spaces[@]}" --wdns="$PWD" -- "${@:3}"
  ;;
off)
  : >"$state/$2.off"
  net switch ip link set "port${2#m}" down
  kill -KILL "$(pid "$2")"
  ;;
boot)
  boot "$2"
  settle
  ;;
cut) net switch ip link set "port${2#m}" down ;;
heal)
  net switch ip link set "port${2#m}" up
  settle
  ;;
pid) pid "$2" ;;
down) down ;;
*)
  sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
  exit 1
  ;;
esac
