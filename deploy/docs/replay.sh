#!/usr/bin/env bash
# Sends again what was delivered, or failed, in a stretch of time.
#
#   REDRIVE_KEY=rdk_… replay.sh [options] FROM [TO]
#
#   FROM, TO          like 2026-11-23T00:00:00Z, by when a delivery was made; TO itself is left out, and is now by default
#   --url URL         of the API; http://127.0.0.1:8080 by default
#   --endpoint ID     deliveries to this endpoint alone
#   --all             replay whatever became of a delivery, as a new one; without it, those that failed are retried
#   --dry-run         print the IDs, and send nothing
#
# Prints a line for each delivery and a count at the end. It exits with 1 if any of them was refused. To run it again is harmless
# without --all: what has been retried is not in failure any more. It needs curl and jq.
set -euo pipefail

usage() {
  sed -n '/^# Sends/,/^# Prints/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
  exit 2
}

url=http://127.0.0.1:8080 endpoint='' action=retry dry=''
while [[ ${1-} == --* ]]; do
  case $1 in
    --url) url=${2-} && shift ;;
    --endpoint) endpoint=${2-} && shift ;;
    --all) action=replay ;;
    --dry-run) dry=1 ;;
    *) usage ;;
  esac
  shift || usage
done
moment='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
from=${1-} to=${2-$(date -u +%Y-%m-%dT%H:%M:%SZ)}
[[ $# -ge 1 && $# -le 2 && $from =~ $moment && $to =~ $moment ]] || usage
: "${REDRIVE_KEY:?an API key with the scope read-write}"

base=$url/v1/execution-webhooks/deliveries
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# call METHOD URL leaves the answer in a file and prints its status. It waits when it is told that there is too much, and while the
# API or its database is away. The key goes by standard input: other users of the machine can see arguments.
call() {
  local status try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    status=$(printf 'header = "Authorization: Bearer %s"\n' "$REDRIVE_KEY" |
      curl --silent --config - --request "$1" --output "$answer" --write-out '%{http_code}' "$2") || true
    case $status in
      429 | 503 | 000) sleep "$try" ;;
      *) break ;;
    esac
  done
  echo "$status"
}

# Newest first, until they are older than FROM. What is published meanwhile moves the rest back a place, so that one can be seen
# twice, but none is missed. All are listed before any is sent: a replay is a delivery too.
list() {
  local offset=0 status
  while :; do
    status=$(call GET "$base?limit=100&offset=$offset${endpoint:+&endpointId=$endpoint}")
    if [[ $status != 200 ]]; then
      echo "cannot list deliveries: $status $(jq -r '.message? // empty' "$answer" 2>/dev/null)" >&2
      return 1
    fi
    # Times of one length sort as texts: fractions are cut off.
    jq -r --arg from "$from" --arg to "$to" --arg action "$action" '.data.items[]
      | (.createdAt[0:19] + "Z") as $at
      | select($at >= $from and $at < $to and ($action == "replay" or .status == "failure")) | .id' "$answer"
    [[ $(jq -r --arg from "$from" '.data.hasMore and ((.data.items[-1].createdAt[0:19] + "Z") >= $from)' "$answer") == true ]] || break
    offset=$((offset + 100))
  done
}

ids=$(list)
sent=0 refused=0
for id in $(sort -u <<<"$ids"); do # IDs sort by age: the oldest goes first
  if [[ -n $dry ]]; then
    echo "$id"
    continue
  fi
  status=$(call POST "$base/$id/$action")
  if [[ $status == 200 ]]; then
    sent=$((sent + 1))
    echo "$id $action"
  elif [[ $(jq -r '.details[0].reason? // empty' "$answer" 2>/dev/null) == delivery_not_failed ]]; then
    echo "$id is on its way already"
  else
    refused=$((refused + 1))
    echo "$id refused: $status $(jq -r '.message? // empty' "$answer" 2>/dev/null)"
  fi
done
echo "$sent sent, $refused refused" >&2
((refused == 0))
