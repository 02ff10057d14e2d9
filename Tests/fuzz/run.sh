#!/usr/bin/env bash
# Feeds a reader with files that libFuzzer makes, under the address sanitizer.
#
#   Tests/fuzz/run.sh READER [SECONDS]      # 600 seconds unless told
#
# READER: array-csv, array-hdf5, array-idx, array-npy, array-npz, array-record, cache, cifar, curves,
# done, gzip, idx, idx-gzip, jpeg, metrics, npz, numpy, override, pickle, png, recording, safetensors,
# shared, state, tar, tensors, tensors-zip, yaml (Tests/Readers). array-hdf5 needs libhdf5.
# The first call builds, some ten minutes; with FUZZ_BUILT=1 what was built is taken. What is found interesting stays in
# .build/fuzz/corpus/READER. An input that crashes, takes 60 s or makes the process larger than 1 GB
# (the sanitizer's own included) ends the run, with its path in the last lines: mend the reader, and
# keep the input as a fixture.
set -euo pipefail
reader=${1:?usage: run.sh READER [SECONDS]}
seconds=${2:-600}
cd "$(dirname "$0")/../.."

# Every module is instrumented, so the build has a folder of its own.
if [[ -z ${FUZZ_BUILT:-} ]]; then
  WGANGP_FUZZ=1 swift build -c release --product fuzz --scratch-path .build/fuzz \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -parse-as-library \
    -Xcc -fsanitize=fuzzer-no-link,address >&2 || echo "fuzz: linked here instead" >&2
  # SwiftPM asks for a main function of its own name, which libFuzzer's is not: its last step fails.
  build=.build/fuzz/$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)",/\1/p')/release
  ln -sfn "$(basename "$(dirname "$build")")/release" .build/fuzz/release
  read -ra libraries < <(pkg-config --libs ompi-c libpng zlib)
  (cd "$build" && swiftc -sanitize=fuzzer,address -o fuzz @fuzz.product/Objects.LinkFileList \
    "${libraries[@]}") >&2
fi

corpus=.build/fuzz/corpus/$reader
mkdir -p "$corpus"
folder=$(mktemp -d /dev/shm/wgangp-fuzz.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Leaks are not looked for: Swift's runtime keeps what it has loaded. Its backtracer waits for ever
# under the sanitizer, which prints a stack itself.
FUZZ_READER=$reader FUZZ_FOLDER=$folder FUZZ_CORPUS=$corpus \
  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=64 SWIFT_BACKTRACE=enable=no \
  .build/fuzz/release/fuzz -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1024 \
  -max_len=65536 -artifact_prefix=".build/fuzz/$reader-" -print_final_stats=1 "$corpus"
