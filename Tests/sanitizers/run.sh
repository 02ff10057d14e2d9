#!/usr/bin/env bash
# Runs the tests under a sanitizer.
#
#   Tests/sanitizers/run.sh address                        # all that can run under it
#   Tests/sanitizers/run.sh thread --filter BaseTests      # arguments go to `swift test`
#   Tests/sanitizers/run.sh program address                # SystemTests as always, and what they start
#                                                          # is under the sanitizer
#
# The first call builds everything with the sanitizer into .build/address or .build/thread, some
# ten minutes on two cores; with `program` only the program, and the tests as always. A report of a
# sanitizer ends in a status other than 0.
set -euo pipefail
usage='usage: run.sh [program] address|thread [arguments of swift test]'
is_program=0
if [[ ${1:-} == program ]]; then
  is_program=1
  shift
fi
kind=${1:?$usage}
shift
cd "$(dirname "$0")/../.."
scratch=.build/$kind

# Limits of address space (ulimit -v) leave no room for a sanitizer's own terabytes, and what is
# measured in seconds, bytes or allocations is the sanitizer's then. The thread sanitizer writes files
# of its own, for which fullDiskFromTheStart has no room.
skipped='BadInputTests|StartTests|AllocationTests|ReaderTests|StallTests|ScriptTests|oneCopyANode|fullDiskFromTheStart'
case $kind in
  address)
    # Leaks are not looked for: MPI and Swift's runtime keep what they have.
    export ASAN_OPTIONS=abort_on_error=0:detect_leaks=0
    ;;
  thread) export TSAN_OPTIONS=halt_on_error=0:exitcode=66:suppressions=$PWD/Tests/sanitizers/thread.supp ;;
  *) echo "$kind: $usage" >&2; exit 2 ;;
esac

if ((is_program)); then
  # Beside the tests lies what they start.
  stage=$scratch/stage
  if [[ -z ${BUILT:-} ]]; then
    swift build -c release --build-tests >&2
    swift build -c release --product wgangp-dist --sanitize "$kind" --scratch-path "$scratch" >&2
  fi
  mkdir -p "$stage"
  cp -a .build/release/{wgangp-distPackageTests.xctest,libWGANGPSampling.so,read-damaged} "$stage"
  cp -a .build/release/*.resources "$stage"
  cp -a "$scratch/release/wgangp-dist" "$stage"
  # A rank's report must not hide among what a test expects of standard error.
  rm -f "$stage"/report.*
  export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$PWD/$stage/report
  export TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$PWD/$stage/report
  status=0
  "$stage/wgangp-distPackageTests.xctest" --testing-library swift-testing --filter SystemTests \
    --skip "$skipped" "$@" || status=$?
  if compgen -G "$stage/report.*" >/dev/null; then
    head -n 20 "$stage"/report.* >&2
    exit 1
  fi
  exit "$status"
fi
if [[ -z ${BUILT:-} ]]; then
  swift build -c release --build-tests --sanitize "$kind" --scratch-path "$scratch" >&2
fi
exec swift test -c release --skip-build --sanitize "$kind" --scratch-path "$scratch" \
  --skip "$skipped" "$@"
