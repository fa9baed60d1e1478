#!/usr/bin/env bash
# What a newcomer does: clone, `make demo`, and look at what is left. Nothing may be.
set -euo pipefail

source=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# State, temporary files and the clone of this run alone; caches are the user's, as in real life.
export XDG_STATE_HOME=$work/state TMPDIR=$work/tmp
mkdir -p "$XDG_STATE_HOME" "$TMPDIR"

git clone --quiet "$source" "$work/irsa"
cd "$work/irsa"
make demo

left=$(git status --porcelain)
[ -z "$left" ] || { printf 'left in the working tree:\n%s\n' "$left" >&2; exit 1; }
left=$(find "$XDG_STATE_HOME" "$TMPDIR" -type f)
[ -z "$left" ] || { printf 'left in files:\n%s\n' "$left" >&2; exit 1; }
# The pattern comes through a pipe, or grep would find itself.
left=$(grep -lsF -f <(echo "$work") /proc/[0-9]*/cmdline || true)
[ -z "$left" ] || { printf 'left running:\n%s\n' "$left" >&2; exit 1; }
echo "nothing is left: not in the working tree, not in files, not running"
