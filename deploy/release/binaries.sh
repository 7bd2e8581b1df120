#!/bin/sh
# Builds the files of a release in an empty folder: for each platform an archive with both services, an SBOM for each archive
# and service, and SHA256SUMS.
#
#   VERSION=v0.2.0 [PLATFORMS="linux/amd64 linux/arm64"] [SBOM=no] sh deploy/release/binaries.sh FOLDER
set -eu

: "${VERSION:?name the version, such as v0.2.0}"
: "${PLATFORMS:=linux/amd64 linux/arm64 darwin/arm64}"
: "${SBOM:=yes}"
folder=${1:?name the folder to build in}

cd "$(dirname "$0")/../.."
if [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
  echo "binaries.sh: $folder is not empty" >&2
  exit 1
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# Modules are built by themselves, as their go.mod says, and with nothing of this machine in the binary.
build() { # os arch service
  (cd "$3" && CGO_ENABLED=0 GOWORK=off GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION" -o "$work/$name/" "./cmd/$3")
}

for platform in $PLATFORMS; do
  os=${platform%/*} arch=${platform#*/}
  name=redrive_${VERSION#v}_${os}_${arch}
  mkdir "$work/$name"
  for service in api-service dispatcher-service; do
    build "$os" "$arch" "$service"
    if [ "$SBOM" = yes ]; then
      go run "$CYCLONEDX" bin -json -version "$VERSION" -output "$folder/${name}_$service.cdx.json" "$work/$name/$service"
    fi
  done
  cp LICENSE README.md CHANGELOG.md "$work/$name/"
  tar -C "$work" --owner=0 --group=0 --numeric-owner --sort=name -czf "$folder/$name.tar.gz" "$name"
done

(cd "$folder" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
