#!/usr/bin/env bash
# Checks the formatting, then builds and runs the tests. Arguments go to `swift test`.
#
#   launch/test.sh                               # all
#   launch/test.sh --filter ConfigurationTests   # one target
#
# Expected time: four minutes on two cores from a clean clone, of which the tests take one and a half.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/setup.sh
source launch/setup.sh

run() {
  echo "+ $*" >&2
  "$@"
}

# Some installations of Swift come without the formatter.
if swift format --version >/dev/null 2>&1; then
  run swift format lint --strict -r Sources Tests Package.swift
else
  echo "test: swift format is not there, formatting is not checked" >&2
fi
# In release: the kernels are some hundred times slower unoptimized, and what is tested is what is used.
run swift build -c release --build-tests
run swift test -c release --skip-build "$@"
