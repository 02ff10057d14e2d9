#!/usr/bin/env bash
# Makes the Swift of ONNXMessages and EventMessages from their .proto files.
#
#   Sources/generate-messages.sh
#
# Only who changes a .proto needs it: what it writes, Sources/*/Generated, is part of the repository.
# Wants protoc (Debian: protobuf-compiler); the plug-in for Swift is built from the package's own
# dependency, in a folder of its own.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
command -v "${PROTOC:=protoc}" >/dev/null || {
  echo "generate-messages: expected protoc, as Debian's protobuf-compiler has it, or its path as PROTOC" >&2
  exit 1
}
version=$(sed -n '/swift-protobuf"/,/version/s/.*"version" : "\(.*\)".*/\1/p' ../Package.resolved | head -1)
if [[ -z ${PROTOC_GEN_SWIFT:-} ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  git clone -q --depth 1 --branch "$version" https://github.com/apple/swift-protobuf.git "$folder/swift-protobuf"
  swift build -c release --package-path "$folder/swift-protobuf" --product protoc-gen-swift
  PROTOC_GEN_SWIFT="$folder/swift-protobuf/.build/release/protoc-gen-swift"
fi
for file in ONNXMessages/onnx.proto EventMessages/tensorboard.proto; do
  target=$(dirname "$file")
  "$PROTOC" --plugin=protoc-gen-swift="$PROTOC_GEN_SWIFT" --proto_path="$target" \
    --swift_opt=Visibility=Package --swift_out="$target/Generated" "$(basename "$file")"
done
