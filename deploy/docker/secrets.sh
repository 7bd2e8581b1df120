#!/bin/sh
# Moves the secrets from .env to files, which the containers then get instead of variables. A folder that exists is left alone.
#
#   sh deploy/docker/secrets.sh [file [folder]]
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$root/.env}
folder=${2:-$root/secrets}

fail() {
  echo "secrets.sh: $1" >&2
  exit 1
}

if [ -e "$folder" ] || [ -L "$folder" ]; then
  echo "$folder exists and stays as it is"
  exit 0
fi
[ -f "$file" ] || fail "there is no $file: run make env first"
if grep -q '^COMPOSE_FILE=' "$file"; then
  fail "$file sets COMPOSE_FILE: add deploy/docker/secrets.yml to it, and make the files by hand"
fi

value() {
  found=$(sed -n "s/^$1=//p" "$file")
  case $found in
    '' | *[!A-Za-z0-9_+/=,-]*) fail "$1 in $file is empty, repeated, or has other characters than those of a URL" ;;
  esac
  printf '%s' "$found"
}

postgres=$(value POSTGRES_PASSWORD)
redis=$(value REDIS_PASSWORD)
key=$(value SECRETS_KEY)
operator=$(value OPERATOR_PASSWORD)

# Only the folder's owner can look into it. The files are readable, since their readers in the containers are other users.
umask 077
made=$folder.new
mkdir "$made"
put() {
  printf '%s\n' "$2" >"$made/$1"
  chmod 444 "$made/$1"
}
put postgres_password "$postgres"
put redis_password "$redis"
put database_url "postgres://redrive:$postgres@postgres:5432/redrive?sslmode=disable"
put redis_url "redis://default:$redis@redis:6379/0"
put secrets_key "$key"
put operator_password "$operator"
if command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled; then
  chcon -R -t container_file_t "$made"
fi

{
  sed -E 's/^(POSTGRES_PASSWORD|REDIS_PASSWORD|SECRETS_KEY|OPERATOR_PASSWORD)=.*/\1=in-the-folder-secrets/' "$file"
  echo
  echo "# The secrets are files in secrets/."
  echo "COMPOSE_FILE=docker-compose.yml:deploy/docker/secrets.yml"
} >"$file.new"
mv "$made" "$folder"
mv "$file.new" "$file"
echo "the secrets of $file are files in $folder now: keep the folder as long as the volumes"
