#!/usr/bin/env bash
# Runs the tests under a sanitizer.
#
#   Tests/sanitizers/run.sh address                        # all that can run under it
#   Tests/sanitizers/run.sh thread --filter BaseTests      # arguments go to `swift test`
#
# The first call builds everything with the sanitizer into .build/address or .build/thread, some
# fifteen minutes on two cores. A report of a sanitizer ends the tests with a status other than 0.
set -euo pipefail
kind=${1:?usage: run.sh address|thread [arguments of swift test]}
shift
cd "$(dirname "$0")/../.."
scratch=.build/$kind

# Limits of address space (ulimit -v) leave no room for a sanitizer's own terabytes, and what is
# measured in seconds, bytes or allocations is the sanitizer's then.
skipped='BadInputTests|StartTests|AllocationTests|ReaderTests|StallTests|ScriptTests'
case $kind in
  address)
    # Leaks are not looked for: MPI and Swift's runtime keep what they have.
    export ASAN_OPTIONS=abort_on_error=0:detect_leaks=0
    ;;
  thread) export TSAN_OPTIONS=halt_on_error=0:exitcode=66:suppressions=$PWD/Tests/sanitizers/thread.supp ;;
  *) echo "$kind: expected address or thread" >&2; exit 2 ;;
esac

if [[ -z ${BUILT:-} ]]; then
  swift build -c release --build-tests --sanitize "$kind" --scratch-path "$scratch" >&2
fi
exec swift test -c release --skip-build --sanitize "$kind" --scratch-path "$scratch" \
  --skip "$skipped" "$@"
