#!/bin/sh
# Stands in for ssh between pretend machines: agent.sh [OPTIONS] MACHINE COMMAND...
# As ssh it passes no environment on, starts in the home folder, and does not see the far machine
# lose its power.
state=${MACHINES:-/tmp/wgangp-machines}
while case $1 in -*) true ;; *) false ;; esac do shift; done
machine=$1
shift
if [ -e "$state/$machine.off" ] || ! [ -e "$state/$machine.pid" ]; then
  echo "ssh: connect to host $machine port 22: No route to host" >&2
  exit 255
fi
nsenter -t "$(cat "$state/$machine.pid")" -a --wdns="$HOME" -- \
  env -i HOME="$HOME" USER="${USER:-root}" \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c "$*"
status=$?
while [ -e "$state/$machine.off" ]; do sleep 1; done
exit $status
