#!/bin/sh
# Prints the section of a version in CHANGELOG.md, and fails if there is none.
#
#   sh deploy/release/notes.sh v0.2.0
set -eu

: "${1:?name the version, such as v0.2.0}"
cd "$(dirname "$0")/../.."
awk -v heading="## [${1#v}]" '
  index($0, heading) == 1 { inside = 1; found = 1; next }
  /^## / || /^\[[^]]+\]: / { inside = 0 }
  inside
  END { exit !found }
' CHANGELOG.md || { echo "notes.sh: CHANGELOG.md has no section for $1" >&2; exit 1; }
