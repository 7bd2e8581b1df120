#!/bin/sh
# Runs before `docker compose up`. Files that containers mount become readable to other users, which a umask of 077 prevents. Variables
# that this shell exports take the place of those in .env: they are named, and a secret that differs is an error.
#
#   sh deploy/docker/prepare.sh [file]
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$root/.env}

chmod -R a+rX "$root/deploy/grafana" "$root/deploy/docker/proxy"

status=0
while IFS= read -r line || [ -n "$line" ]; do
  name=${line%%=*}
  name=${name#\#}
  case $line in
    [A-Z]*=*) written=${line#*=} ;;
    '#'[A-Z]*=*) written= ;; # an example
    *) continue ;;
  esac
  case $name in *[!A-Z0-9_]*) continue ;; esac
  exported=$(printenv "$name") || continue
  [ "$exported" != "$written" ] || continue
  case $name in
    *PASSWORD | *KEY | *SECRETS)
      echo "$name is exported in this shell and differs from $file: unset it" >&2
      status=1
      ;;
    *) echo "note: $name=$exported is exported in this shell and takes the place of the one in $file" >&2 ;;
  esac
done <"$file"
exit "$status"
