#!/usr/bin/env bash
# Where an iteration of the Fashion-MNIST system goes on one core, by kernel, and how fast its products are beside the core's peak:
# perf samples the program's functions, `bench --layers` times the layers, peak.c the core. Writes
# benchmarks/results/profile.json and profile.md.
#
#   benchmarks/profile.sh
#   CORE=1 ITERATIONS=10 benchmarks/profile.sh width=32
#
# Expected time: 30 seconds. Needs perf and a C compiler.
set -euo pipefail
CORE=${CORE:-0}              # the core to run on; leave the others idle
ITERATIONS=${ITERATIONS:-5}  # of the training step
# RESULTS: another folder for the results
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
CONFIG=${CONFIG:-$root/configs/fashion-mnist-wgan-gp.yaml}
program=${PROGRAM:-$root/.build/release/wgangp-dist}
command -v perf >/dev/null || { echo "profile: perf is missing (Debian: apt-get install linux-perf)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"${CC:-cc}" -O2 -o "$folder/peak" "$root/benchmarks/peak.c"
taskset -c "$CORE" "$folder/peak" >"$folder/peak.json"
# The clock: a virtual machine often has no cycle counter.
taskset -c "$CORE" perf record -e cpu-clock -F 997 -o "$folder/perf.data" "$program" bench --json --config "$CONFIG" \
  --iterations "$ITERATIONS" --warmup 1 --shares 0 "$@" >"$folder/bench.json"
perf report -i "$folder/perf.data" --stdio --no-children -F overhead,dso,symbol --percent-limit 0 2>/dev/null >"$folder/perf.txt"
taskset -c "$CORE" "$program" bench --layers --json --config "$CONFIG" "$@" >"$folder/layers.json"
python3 "$root/benchmarks/profile_table.py" --folder "$folder" --program "$program" ${RESULTS:+--results "$RESULTS"}
