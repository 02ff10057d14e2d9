# Builds and shows that it builds, for the scripts that source this file.
# shellcheck shell=bash

# What a build from a clean clone takes on two cores.
build_time='some five minutes'

# Runs `swift build` with these arguments. A line says what it takes, and one behind it what it took;
# in between a terminal shows the build's own progress, anything else only what it says where it fails.
show_build() {
  local name command=(swift build "$@") output begin=$SECONDS
  name=$(basename -- "$0" .sh)
  if [[ -n ${NO_COLOR:-} ]]; then command+=(--no-color-diagnostics); fi
  echo "$name: builds the program: $build_time the first time on two cores, seconds later" >&2
  printf '+' >&2
  printf ' %q' "${command[@]}" >&2
  printf '\n' >&2
  if [[ -t 2 ]]; then
    "${command[@]}" >&2 || return
  elif ! output=$("${command[@]}" 2>&1); then
    printf '%s\n' "$output" >&2
    return 1
  fi
  echo "$name: built in $((SECONDS - begin)) s" >&2
}
