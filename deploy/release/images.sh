#!/bin/sh
# Builds the images of both services for linux/amd64 and linux/arm64 and pushes them to a registry, each with an SBOM and its
# provenance.
#
#   REGISTRY=registry.example/redrive VERSION=v0.2.0 sh deploy/release/images.sh
set -eu

: "${REGISTRY:?name the registry, such as registry.example/redrive}"
: "${VERSION:?name the version, such as v0.2.0}"

cd "$(dirname "$0")/../.."
builder=redrive-release
# The default builder cannot build for several platforms, nor attach attestations.
docker buildx inspect "$builder" >/dev/null 2>&1 || docker buildx create --name "$builder" --driver docker-container >/dev/null
for service in api-service dispatcher-service; do
  docker buildx build --builder "$builder" --file deploy/docker/Dockerfile --target "$service" \
    --platform linux/amd64,linux/arm64 --build-arg "VERSION=$VERSION" \
    --sbom=true --provenance=mode=max --push --tag "$REGISTRY/$service:${VERSION#v}" .
done
