#!/usr/bin/env bash
# Builds the program with Swift's libraries inside and installs it: the command `wgangp-dist`, its
# manual page and completions, and the published configurations.
#
#   launch/install.sh                  # into /usr/local as root, else into ~/.local
#   launch/install.sh PREFIX           # into PREFIX/bin and PREFIX/share
#
# Behind it `wgangp-dist train` works from any folder, Swift is needed no more, and
# `wgangp-dist train --config PREFIX/share/wgangp-dist/configs/NAME.yaml` trains a published one.
# Again: replaces what is there. To be rid of it: launch/install.sh --remove [PREFIX].
#
# Expected time: some five minutes on two cores, a second when nothing has changed.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

remove=
if [[ ${1:-} == --remove ]]; then
  remove=1
  shift
fi
if (($# > 1)) || [[ ${1:-} == -* ]]; then
  echo "install: usage: launch/install.sh [--remove] [PREFIX]" >&2
  exit 64
fi
if [[ $(id -u) == 0 ]]; then prefix=${1:-/usr/local}; else prefix=${1:-$HOME/.local}; fi
share=$prefix/share
files=("$prefix/bin/wgangp-dist" "$share/man/man1/wgangp-dist.1"
  "$share/bash-completion/completions/wgangp-dist" "$share/zsh/site-functions/_wgangp-dist"
  "$share/fish/vendor_completions.d/wgangp-dist.fish")

if [[ $remove ]]; then
  rm -f "${files[@]}"
  rm -rf "$share/wgangp-dist"
  echo "install: removed from $prefix" >&2
  exit
fi

# Asked before minutes of building.
if ! mkdir -p "$prefix/bin" 2>/dev/null || [[ ! -w $prefix/bin ]]; then
  echo "install: $prefix/bin: cannot be written; run as root, or name a folder of your own" >&2
  exit 1
fi
# shellcheck source=launch/setup.sh
source "$root/launch/setup.sh"
# shellcheck source=launch/build.sh
source "$root/launch/build.sh"
# shellcheck source=launch/static.sh
source "$root/launch/static.sh"
install_loaded_libraries
build_static
program=$build/release/wgangp-dist

# A manual page of the help texts, as they are.
manual() {
  local command
  printf '.TH WGANGP-DIST 1 "" "%s" "User Commands"\n' "$("$program" --version | head -n 1)"
  printf '.SH NAME\nwgangp-dist \\- train Wasserstein GANs with gradient penalty over MPI\n'
  printf '.SH SYNOPSIS\n.B wgangp-dist\n.I command\n.RI [ options ]\n'
  # The names of commands are the first words of the list in the help.
  for command in '' $("$program" --help | sed -n '/^SUBCOMMANDS:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p'); do
    printf '.SH "%s"\n.nf\n' "$(tr "[:lower:]" "[:upper:]" <<<"${command:-general}")"
    # shellcheck disable=SC2086  # none for the program itself
    "$program" $command --help | sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/"
    printf '.fi\n'
  done
}

for file in "${files[@]}"; do mkdir -p "$(dirname -- "$file")"; done
# Under another name first: a program that runs cannot be written over.
cp "$program" "$prefix/bin/.wgangp-dist.new"
mv -f "$prefix/bin/.wgangp-dist.new" "$prefix/bin/wgangp-dist"
manual >"${files[1]}"
"$root/launch/completions.sh" "$program" bash >"${files[2]}"
"$root/launch/completions.sh" "$program" zsh >"${files[3]}"
"$root/launch/completions.sh" "$program" fish >"${files[4]}"
rm -rf "$share/wgangp-dist"
mkdir -p "$share/wgangp-dist/licenses"
cp -r "$root/configs" "$root/LICENSE" "$root/CITATION.cff" "$share/wgangp-dist/"
copy_licences "$share/wgangp-dist/licenses"

"$prefix/bin/wgangp-dist" --version
echo "install: installed in $prefix: try  mpirun -n 2 wgangp-dist train" >&2
case :$PATH: in
*":$prefix/bin:"*) ;;
*) echo "install: the shell does not look there yet: export PATH=\"$prefix/bin:\$PATH\"" >&2 ;;
esac
