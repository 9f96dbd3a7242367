#!/bin/sh
# capture.sh          makes test/vectors/*.ins anew on this machine
# capture.sh capture long|legacy    only those of 64-bit code, or of the other
# capture.sh check    replays the committed ones on it and shows where it differs
# Needs Linux on an x86-64 processor, gcc and ndisasm.
set -e
cd "$(dirname "$0")/../.."
program=${1:-capture}
mkdir -p build
out=$(mktemp -d build/silicon.XXXXXX)
trap 'rm -rf "$out"' EXIT
gcc -O1 -Wall -Wextra -fno-stack-protector -o "$out/harness" test/silicon/harness.c test/silicon/enter.S
npx rolldown "test/silicon/$program.ts" --platform node --format esm --external iced-x86 --file "$out/run.mjs" >"$out/log" || {
  cat "$out/log" >&2
  exit 1
}
shift $(($# > 0))
node "$out/run.mjs" "$out/harness" test/vectors "$@"
