#!/bin/sh
# fuzz.sh [--bits 64|32] [--runs N] [--seed S]    compares Trapline with this machine's processor on random cases
exec "$(dirname "$0")/capture.sh" fuzz "$@"
