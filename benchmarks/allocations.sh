#!/usr/bin/env bash
# Counts the allocations of a training iteration in steady state, on every rank: our code's, the MPI library's and OpenBLAS's.
#
#   benchmarks/allocations.sh                                                   # the built-in default, 2 ranks
#   RANKS=1 benchmarks/allocations.sh --config configs/fashion-mnist-wgan-gp.yaml
#
# Expected time: 10 seconds for the default. Needs a C compiler.
set -euo pipefail
RANKS=${RANKS:-2}
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/setup.sh
source "$root/launch/setup.sh"
# shellcheck source=launch/launcher.sh
source "$root/launch/launcher.sh"
swift build -c release --package-path "$root" --product wgangp-dist >&2
library=$(mktemp -d)/allocations.so
trap 'rm -rf "$(dirname "$library")"' EXIT
"${CC:-cc}" -O2 -shared -fPIC -o "$library" "$root/benchmarks/allocations.c"
set_launcher "$RANKS"
"${launcher[@]}" -x LD_PRELOAD="$library" "$root/.build/release/wgangp-dist" bench "$@"
