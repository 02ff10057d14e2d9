#!/usr/bin/env bash
# Packs the program for machines without Swift: one file with the program (Swift's libraries inside),
# configs/, launch/ and licences.
#
#   launch/package.sh                  # prints the file's path: .build-static/wgangp-dist-0.1.0-x86_64.tar.xz
#   LIBRARIES=all launch/package.sh    # with all other libraries but MPI's and the C library
#
# On the other machine: tar -xf wgangp-dist-*.tar.xz, and wgangp-dist-*/bin/wgangp-dist doctor. It needs
# Open MPI, glibc no older than here, and, unless packed, the libraries of README.txt in the package.
# Expected time: some five minutes on two cores, one when only packed again.
set -euo pipefail

# ---- change these, here or in the environment ----------------------------------------------------
LIBRARIES=${LIBRARIES:-none}   # or all: packs the libraries that the program uses
# --------------------------------------------------------------------------------------------------

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/setup.sh
source "$root/launch/setup.sh"
# shellcheck source=launch/build.sh
source "$root/launch/build.sh"
# shellcheck source=launch/static.sh
source "$root/launch/static.sh"
if [[ $LIBRARIES != none && $LIBRARIES != all ]]; then
  echo "package: LIBRARIES=$LIBRARIES: expected none or all" >&2
  exit 1
fi

build_static
program=$build/release/wgangp-dist

name=wgangp-dist-$("$program" --version | sed -n '1s/^wgangp-dist \([^ ]*\).*/\1/p')-$(uname -m)
folder=$build/$name
rm -rf "$folder"
mkdir -p "$folder"/{bin,licenses}
cp "$program" "$folder/bin/"
cp -r "$root/configs" "$root/launch" "$folder/"
# These build.
rm "$folder"/launch/{build,install,local,setup,package,static,test}.sh
cp "$root/README.md" "$root/LICENSE" "$root/CITATION.cff" "$folder/"

copy_licences "$folder/licenses"

# The libraries outside, as "NAME PATH", with those that are loaded only where they are needed: all but
# those of the C library and of MPI, which must be the machine's own.
libraries() {
  local name path files=("$program")
  for name in "${LOADED[@]}"; do
    path=$(PATH=$PATH:/sbin ldconfig -p | awk -v name="$name" '$1 == name { print $NF; exit }')
    if [[ -z $path ]]; then
      echo "package: $name is not on this machine, and so not in the package" >&2
      continue
    fi
    echo "$name $path"
    files+=("$path")
  done
  ldd "${files[@]}" | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\).*/\1 \2/p' \
    | grep -vE '^(libc|libm|libresolv|libpthread|libdl|librt|ld-linux-x86-64)\.so' \
    | grep -vE '^lib(mpi|open-rte|open-pal|pmix|hwloc|event|udev)' | sort -u
}
if [[ $LIBRARIES == all ]]; then
  mkdir "$folder/lib"
  while read -r library path; do
    cp -L "$path" "$folder/lib/$library"
  done < <(libraries)
fi

{
  echo "$name, built on $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release) with glibc" \
    "$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2) and $(mpirun --version | head -n 1)"
  echo
  echo 'bin/wgangp-dist doctor says whether this machine has what it needs; launch/README.md how to train.'
  echo 'It needs Open MPI with libmpi.so.40 (versions 2 to 5).'
  if [[ $LIBRARIES == none ]]; then
    echo 'And: libpng, libturbojpeg, libcrypto 3, libarchive, OpenBLAS, libcurl, libhdf5. On Debian 12:'
    echo '  apt-get install openmpi-bin libpng16-16 libturbojpeg0 libssl3 libarchive13 libopenblas0-pthread libcurl4 libhdf5-103-1'
  else
    echo 'The other libraries are in lib/, with the licences that their packages have under /usr/share/doc.'
    while read -r _ path; do
      if command -v dpkg-query >/dev/null; then
        dpkg-query -S "$(readlink -f "$path")" 2>/dev/null | cut -d : -f 1 || true
      fi
    done < <(libraries 2>/dev/null) | sort -u | paste -sd ' '
  fi
} >"$folder/README.txt"

XZ_OPT=-T0 tar -C "$build" --owner=0 --group=0 --sort=name -cJf "$folder.tar.xz" "$name"
rm -rf "$folder"
echo "$folder.tar.xz"
