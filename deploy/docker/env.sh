#!/bin/sh
# Makes .env from .env.example, with random values for the secrets that are empty there. A file that exists is left alone.
#
#   sh deploy/docker/env.sh [file]
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$root/.env}

if [ -e "$file" ] || [ -L "$file" ]; then
  echo "$file exists and stays as it is"
  exit 0
fi

# A pipe hides the failure of its first command, which would leave a short secret.
of_length() {
  if [ "${#2}" -ne "$1" ]; then
    echo "env.sh: could not read random bytes" >&2
    exit 1
  fi
  printf '%s' "$2"
}

# 24 bytes, in letters that need no escaping in a URL.
password() { of_length 32 "$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')"; }

key() { of_length 44 "$(head -c 32 /dev/urandom | base64)"; }

fill() {
  while IFS= read -r line || [ -n "$line" ]; do
    secret=
    case $line in
      POSTGRES_PASSWORD= | REDIS_PASSWORD= | OPERATOR_PASSWORD=) secret=$(password) ;;
      SECRETS_KEY=) secret=$(key) ;;
    esac
    printf '%s%s\n' "$line" "$secret"
  done <"$root/.env.example"
}

content=$(fill)
umask 077
# noclobber: of two that run at once, one writes.
set -C
printf '%s\n' "$content" >"$file"
echo "$file has been made, with random secrets"
