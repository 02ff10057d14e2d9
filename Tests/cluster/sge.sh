#!/usr/bin/env bash
# A real Grid Engine on the pretend machines of machines.sh: its master on m1, a daemon on each.
#
#   sge.sh up 2            # on machines that are up; 5 to 17 seconds. Prints the SGE_ROOT to use
#   sge.sh down            # ends Grid Engine only
#
# Needs root and Debian's gridengine-master, gridengine-exec and gridengine-client. MACHINES as in
# machines.sh. Folder, ports and cell are its own: what the packages have set up is not touched.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export MACHINES=${MACHINES:-/tmp/wgangp-machines}
folder=$MACHINES/sge
export SGE_ROOT=$folder SGE_CELL=pretend SGE_QMASTER_PORT=16444 SGE_EXECD_PORT=16445
readonly PACKAGE=/usr/share/gridengine
# Jobs have what the daemons have: Grid Engine itself is to start the ranks elsewhere, and no agent.
unset OMPI_MCA_plm_rsh_agent

on() { "$here/machines.sh" on "$@"; }

# The cell, its database, and the global configuration: root may run jobs, and what is decided once in
# 40 seconds on a cluster is decided at once.
make_cell() {
  local common=$folder/$SGE_CELL/common name
  mkdir -p "$common" "$folder"/{spool,qmaster/job_scripts,database}
  for name in bin lib util utilbin; do ln -s "/var/lib/gridengine/$name" "$folder/$name"; done
  echo m1 >"$common/act_qmaster"
  sed -e 's/^admin_user .*/admin_user none/' -e "s|^spooling_params .*|spooling_params $folder/database|" \
    -e "s|^qmaster_spool_dir .*|qmaster_spool_dir $folder/qmaster|" "$PACKAGE/default-bootstrap" \
    >"$common/bootstrap"
  sed -e "s|^execd_spool_dir .*|execd_spool_dir $folder/spool|" -e 's/^m\(in_[ug]id\) .*/m\1 0/' \
    -e 's/^load_report_time .*/load_report_time 00:00:02/' -e 's|^mailer .*|mailer /bin/true|' \
    "$PACKAGE/default-configuration" >"$folder/configuration"
  # shellcheck disable=SC2016  # expanded over there
  on m1 sh -euc 'cd /usr/lib/gridengine
    ./spoolinit berkeleydb libspoolb "$SGE_ROOT/database" init
    ./spooldefaults configuration "$SGE_ROOT/configuration"
    ./spooldefaults complexes "$0/util/resources/centry"
    ./spooldefaults usersets "$0/util/resources/usersets"
    ./spooldefaults managers root' "$PACKAGE"
}

# Changes the lines NAME VALUE of what `qconf -sOBJECT` shows into a file, for `qconf -Mobject`.
#
#   changed FILE COMMAND... -- NAME VALUE...
changed() {
  local file=$folder/$1 command=()
  shift
  while [[ $1 != -- ]]; do
    command+=("$1")
    shift
  done
  shift
  on m1 "${command[@]}" >"$file"
  while (($#)); do
    sed -i "s|^$1 .*|$1 $2|" "$file"
    shift 2
  done
  echo "$file"
}

configure() {
  local number hosts=() file
  for ((number = 1; number <= $1; number++)); do hosts+=("m$number"); done
  for number in "${hosts[@]}"; do
    on m1 qconf -ah "$number"
    on m1 qconf -as "$number"
  done
  printf 'group_name @allhosts\nhostlist %s\n' "${hosts[*]}" >"$folder/group"
  on m1 qconf -Ahgrp "$folder/group"
  # Parallel jobs: a slot a machine, ranks started by Grid Engine (tight integration).
  cat >"$folder/pe" <<END
pe_name mpi
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule 1
control_slaves TRUE
job_is_first_task FALSE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
END
  on m1 qconf -Ap "$folder/pe"
  file=$(changed queue qconf -sq -- qname all.q hostlist @allhosts slots 2 pe_list mpi \
    load_thresholds NONE notify 00:00:10 shell /bin/bash)
  on m1 qconf -Aq "$file"
  file=$(changed scheduler qconf -ssconf -- schedule_interval 0:0:2 schedd_job_info true)
  on m1 qconf -Msconf "$file"
}

# Whether all daemons have reported: no queue is "au".
answering() {
  local states
  states=$(on m1 qstat -f 2>/dev/null) || return 1
  [[ $(grep -c '^all\.q@m' <<<"$states") == "$1" ]] && ! grep -q '^all\.q@m.* [a-zA-Z]*u' <<<"$states"
}

up() {
  local number
  mkdir -p "$folder"
  make_cell >"$folder/log" 2>&1
  on m1 sge_qmaster >>"$folder/log" 2>&1
  for _ in {1..300}; do
    if on m1 qconf -sh >/dev/null 2>&1; then break; fi
    sleep 0.1
  done
  configure "$1" >>"$folder/log" 2>&1
  for ((number = 1; number <= $1; number++)); do on "m$number" sge_execd >>"$folder/log" 2>&1; done
  for _ in {1..600}; do
    if answering "$1"; then
      echo "$SGE_ROOT"
      return
    fi
    sleep 0.1
  done
  echo "sge: the queues do not answer after a minute; logs are in $folder" >&2
  exit 1
}

# By the numbers that the daemons wrote down: those of m1 are this machine's, the others end with theirs.
down() {
  local file
  for file in "$folder/qmaster/qmaster.pid" "$folder/spool/m1/execd.pid"; do
    if [[ -e $file ]]; then kill -KILL "$(cat "$file")" 2>/dev/null || true; fi
  done
}

case ${1:-} in
up) up "$2" ;;
down) down ;;
*)
  sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
  exit 1
  ;;
esac
