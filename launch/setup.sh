#!/usr/bin/env bash
# Checks for what the build and the runs need, and installs the missing libraries where it may:
# as root, with apt-get. Otherwise prints the command to run. The other scripts source this file.
# Run by itself it does the same for the libraries that only some commands load.
#
#   launch/setup.sh
#
# Expected time: 0.1 seconds when nothing is missing; a minute or two when packages are installed.
set -euo pipefail

# The names that pkg-config and the shell know, and the Debian/Ubuntu packages that have them.
readonly MODULES=(ompi-c libpng zlib)
readonly PACKAGES=(libopenmpi-dev openmpi-bin libpng-dev zlib1g-dev pkg-config)
# Loaded by the commands that need them (`wgangp-dist doctor` names those that are missing): neither
# the build nor training asks for them, the tests do.
readonly LOADED=(libopenblas.so.0 libarchive.so.13 libturbojpeg.so.0 libcrypto.so.3 libcurl.so.4
  libhdf5_serial.so.103)
readonly LOADED_PACKAGES=(libopenblas0 libarchive13 libturbojpeg0 libssl3 libcurl4 libhdf5-103-1)

# Prints what is missing, a word each; nothing when all is there.
missing_libraries() {
  command -v mpirun >/dev/null || echo mpirun
  if ! command -v pkg-config >/dev/null; then
    echo pkg-config
    return
  fi
  # One call for the usual case, in which nothing is missing.
  if ! pkg-config --exists "${MODULES[@]}"; then
    local module
    for module in "${MODULES[@]}"; do
      pkg-config --exists "$module" || echo "$module"
    done
  fi
}

install_libraries() {
  local missing
  missing=$(missing_libraries | paste -sd ' ')
  [[ -n $missing ]] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "setup: missing: $missing. Install them; on Debian and Ubuntu they are in the packages" \
      "${PACKAGES[*]}" >&2
    exit 1
  fi
  local install=(apt-get install -y --no-install-recommends "${PACKAGES[@]}")
  if [[ $(id -u) != 0 ]]; then
    echo "setup: missing: $missing. Install them with" >&2
    echo "  sudo apt-get update && sudo ${install[*]}" >&2
    exit 1
  fi
  echo "setup: missing: $missing" >&2
  echo "+ apt-get update && ${install[*]}" >&2
  apt-get update >&2
  DEBIAN_FRONTEND=noninteractive "${install[@]}" >&2
  missing=$(missing_libraries | paste -sd ' ')
  if [[ -n $missing ]]; then
    echo "setup: still missing after the installation: $missing" >&2
    exit 1
  fi
}

# Never fails: what the packages are called differs between systems.
install_loaded_libraries() {
  local known library missing=()
  known=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null || true)
  for library in "${LOADED[@]}"; do
    [[ $known == *"$library "* ]] || missing+=("$library")
  done
  ((${#missing[@]})) || return 0
  echo "setup: not there: ${missing[*]}; only some commands and tests need them" >&2
  local install=(apt-get install -y --no-install-recommends "${LOADED_PACKAGES[@]}")
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "setup: on Debian: sudo ${install[*]}" >&2
    return 0
  fi
  echo "+ apt-get update && ${install[*]}" >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive "${install[@]}"; } >&2 ||
    echo "setup: not installed: ${LOADED_PACKAGES[*]}" >&2
}

check_swift() {
  if ! command -v swift >/dev/null; then
    echo "setup: swift is missing. Install Swift 6.1 or newer: https://swift.org/install" >&2
    exit 1
  fi
}

check_swift
install_libraries
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then install_loaded_libraries; fi

# Open MPI refuses to run as root, the usual user of a container, unless told twice.
if [[ $(id -u) == 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
