#!/bin/sh
# Makes test/vectors/*.ins anew on this machine: needs Linux on an x86-64 processor, gcc and ndisasm.
set -e
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gcc -O1 -Wall -Wextra -fno-stack-protector -o "$out/harness" test/silicon/harness.c test/silicon/enter.S
npx rolldown test/silicon/capture.ts --platform node --format esm --file "$out/capture.mjs" >"$out/log" || {
  cat "$out/log" >&2
  exit 1
}
node "$out/capture.mjs" "$out/harness" test/vectors
