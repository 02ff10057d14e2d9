#!/usr/bin/env bash
# Feeds a reader with files that libFuzzer makes, under the address sanitizer.
#
#   Tests/fuzz/run.sh READER [SECONDS]      # 600 seconds unless told
#
# READER: yaml, override, safetensors, tensors (zip and pickles of PyTorch and Paddle), done, metrics,
# idx, cifar (with tar and pickles), pickle, picture (PNG and JPEG), numpy (npy and npz). The first call builds, some ten minutes. What is found interesting stays in
# .build/fuzz/corpus/READER; an input that crashes, hangs for 10 s or takes more memory than 1 GB
# ends the run, with its path in the last lines: mend the reader, and keep the input as a fixture.
set -euo pipefail
reader=${1:?usage: run.sh READER [SECONDS]}
seconds=${2:-600}
cd "$(dirname "$0")/../.."

# Every module is instrumented, so the build has a folder of its own.
WGANGP_FUZZ=1 swift build -c release --product fuzz --scratch-path .build/fuzz \
  -Xswiftc -sanitize=fuzzer,address -Xswiftc -parse-as-library >&2

corpus=.build/fuzz/corpus/$reader
mkdir -p "$corpus"
fixtures=Tests/DatasetsTests/Fixtures
case $reader in
  yaml) cp -n configs/*.yaml "$corpus"/ ;;
  override) printf 'generator.layers.0.conv2d={kernel: 4}' >"$corpus"/one ;;
  safetensors) cp -n Tests/StorageTests/Fixtures/*.safetensors "$corpus"/ ;;
  tensors) cp -n Tests/StorageTests/Fixtures/*.{pt,pth,pdparams,safetensors} "$corpus"/ ;;
  done) printf '3610a686 5 a.safetensors\n' >"$corpus"/one ;;
  metrics) printf 'iteration,loss (nats)\n1,2.5\n2,nan\n' >"$corpus"/one ;;
  idx) cp -n "$fixtures"/published/*ubyte* "$corpus"/ ;;
  cifar)
    cp -n "$fixtures"/cifar* "$corpus"/
    for file in "$fixtures"/cifar*.gz; do gzip -dc "$file" >"$corpus/$(basename "$file" .gz)"; done
    ;;
  pickle)
    for file in "$fixtures"/mnist*.gz; do gzip -dc "$file" >"$corpus/$(basename "$file" .gz)"; done
    ;;
  picture) cp -n "$fixtures"/*.png "$fixtures"/*.jpg "$corpus"/ ;;
  numpy) cp -n "$fixtures"/numpy/* "$corpus"/ ;;
  *) echo "$reader: unknown reader" >&2; exit 2 ;;
esac

folder=$(mktemp -d /dev/shm/wgangp-fuzz.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Leaks are not looked for: Swift's runtime keeps what it has loaded.
FUZZ_READER=$reader FUZZ_FOLDER=$folder ASAN_OPTIONS=detect_leaks=0 \
  .build/fuzz/release/fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
  -max_len=65536 -artifact_prefix=".build/fuzz/$reader-" -print_final_stats=1 "$corpus"
