#!/usr/bin/env bash
# Injects faults into training runs, goes on after each, and compares the last checkpoint with that of
# an undisturbed run, byte by byte.
#
#   Tests/faults/run.sh                       # all, about an hour and a half on two cores
#   Tests/faults/run.sh kill-rank frozen      # some
#   Tests/faults/run.sh --list
#   Tests/faults/run.sh --seed 7 --rounds 20 kill-rank
#   PROGRAM=FILE Tests/faults/run.sh          # another program than .build/release/wgangp-dist
#
# Needs Python 3 and Open MPI; some cases root, strace, gdb, cc, bindfs or e2fsprogs. Those of NFS,
# power cuts and quotas run in virtual machines (virtual.py), about 40 minutes in all; they need root and
#   apt-get install --no-install-recommends qemu-system-x86 qemu-utils busybox-static kmod iproute2 \
#     nfs-kernel-server nfs-common quota e2fsprogs xfsprogs btrfs-progs
# and a kernel with modules: the newest in /boot, else that of linux-image-amd64, which apt-get
# downloads and nothing installs (KERNEL_ROOT=FOLDER: an unpacked one).
# A case that lacks something says so in its line and counts as skipped. Expected result: each line
# ends in "ok" or "skipped", and status 0; docs/reliability.md has such a table.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
if ! command -v python3 >/dev/null; then
  echo 'faults: skipped: python3 is missing (apt-get install python3)'
  exit 0
fi
exec python3 "$here/faults.py" "$@"
