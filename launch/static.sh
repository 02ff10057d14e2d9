# Builds the program with Swift's libraries inside, for package.sh and install.sh, which source this
# file and build.sh. Needs `root`, the project's folder; sets `build`, the folder of the build.
# shellcheck shell=bash

build=${root:?}/.build-static

build_static() {
  # Foundation asks for libcurl by the name that only its development package has.
  mkdir -p "$build/links"
  local curl
  curl=$(PATH=$PATH:/sbin ldconfig -p | sed -n '/libcurl\.so\.4 /s/.*=> //p' | head -n 1)
  if [[ -z $curl ]]; then
    echo 'static: libcurl.so.4 is missing; on Debian and Ubuntu: apt-get install libcurl4' >&2
    exit 1
  fi
  ln -sf "$curl" "$build/links/libcurl.so"
  # -s: without the names of functions, which only debuggers read. The old kind of rpath is that of
  # the libraries' libraries too.
  # shellcheck disable=SC2016  # the loader expands $ORIGIN
  show_build -c release --package-path "$root" --scratch-path "$build" \
    --product wgangp-dist --static-swift-stdlib -Xlinker "-L$build/links" -Xlinker -s \
    -Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$ORIGIN/../lib'
}

# The licences of what is inside the program.
copy_licences() {
  local folder=$1 checkout file swift
  for checkout in "$build"/checkouts/*/; do
    for file in "$checkout"LICENSE* "$checkout"NOTICE*; do
      if [[ -e $file ]]; then
        cp "$file" "$folder/$(basename -- "$checkout")-$(basename -- "$file")"
      fi
    done
  done
  swift=$(dirname -- "$(dirname -- "$(readlink -f "$(command -v swift)")")")
  if [[ -e $swift/share/swift/LICENSE.txt ]]; then
    cp "$swift/share/swift/LICENSE.txt" "$folder/swift-LICENSE.txt"
  fi
}
