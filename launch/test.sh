#!/usr/bin/env bash
# Checks the formatting, builds and runs the tests, and builds the example that uses the library.
# Arguments go to `swift test`, and only that is run.
#
#   launch/test.sh                               # all
#   launch/test.sh --filter ConfigurationTests   # one target
#
# Expected time: eighteen minutes on two cores from a clean clone: eleven of builds, seven of tests.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/setup.sh
source launch/setup.sh
install_loaded_libraries

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
# What the formatter does not see: it breaks no string and no comment, and knows DocC's form only.
refuse() {
  local lines status=0
  # Generated: what protoc-gen-swift has written.
  lines=$(grep -rnE --include='*.swift' --exclude-dir=Generated -- "$2" Sources Tests) || status=$?
  if ((status == 0)); then
    echo "test: $1:" >&2
    echo "$lines" >&2
    exit 1
  elif ((status > 1)); then
    exit "$status"
  fi
}
refuse 'expected lines of at most 100 columns, found longer ones' '^.{101,}'
# shellcheck disable=SC2016  # a pattern
refuse "expected DocC's '- Parameters:', found a name in backquotes and a colon" \
  '^ */// (- )?`[^`]+`(, `[^`]+`)*: '
# A fifth of the lines that are not blank, as in the model codebases.
for target in Training VectorKernelsAVX2 WGANGP WGANGPSampling wgangp-dist; do
  find "Sources/$target" -name '*.swift' -exec cat {} + | awk -v target="$target" '
    NF { lines++ }
    /^ *\/\/\// { documented++ }
    END {
      if (lines > 0 && documented >= lines / 5) exit
      print "test: Sources/" target ": expected doc comments in a fifth of the lines or more, found " \
        documented + 0 " of " lines + 0 >"/dev/stderr"
      exit 1
    }'
done
if command -v python3 >/dev/null; then
  run docs/index-decisions.py --check
fi
echo 'test: builds program and tests: some eleven minutes the first time on two cores; then come the' \
  'tests, seven minutes' >&2
# In release: the kernels are some hundred times slower unoptimized, and what is tested is what is used.
run swift build -c release --build-tests
run swift test -c release --skip-build "$@"
# A package that depends on this one, as others do.
if (($# == 0)); then
  run swift build -c release --package-path Examples/library
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  run Examples/library/.build/release/train-and-sample "$folder/run" 3
fi
