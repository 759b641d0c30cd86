#!/bin/bash
# Acts on a Node object, over this server's own API.
set -euo pipefail
export LC_ALL=C
mark=clustr.io/cordoned

# The cache goes to /run, not to root's home folder.
kube() {
  /usr/local/bin/k3s kubectl --cache-dir=/run/clustr-kube-cache "$@"
}

# look NODE: resourceVersion, cordoned or open, and the run that marked it.
look() {
  kube --request-timeout=10s get node "$1" -o go-template='
{{- .metadata.resourceVersion}} {{if .spec.unschedulable}}cordoned{{else}}open{{end}}
{{- with .metadata.annotations}}{{with index . "clustr.io/cordoned"}} {{.}}{{end}}{{end}}'
}

# cordon NODE RUN: one patch, refused if the node changed since it was looked at. A person's cordon is left alone.
cordon() {
  local version state run
  read -r version state run <<<"$(look "$1")"
  if [ "$state" = cordoned ] && [ -z "$run" ]; then
    echo "answer=theirs"
    return
  fi
  kube --request-timeout=10s patch node "$1" --type=merge -p "{
    \"metadata\": {\"resourceVersion\": \"$version\", \"annotations\": {\"$mark\": \"$2\"}},
    \"spec\": {\"unschedulable\": true}}" >/dev/null
  echo "answer=ours"
}

uncordon() {
  local version state run
  read -r version state run <<<"$(look "$1")"
  if [ -z "$run" ]; then
    echo "answer=theirs"
    return
  fi
  kube --request-timeout=10s patch node "$1" --type=merge -p "{
    \"metadata\": {\"resourceVersion\": \"$version\", \"annotations\": {\"$mark\": null}},
    \"spec\": {\"unschedulable\": null}}" >/dev/null
  echo "answer=ours"
}

# drain NODE SECONDS
drain() {
  kube drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout="$2s" && return
  local status=$?
  echo "budgets that allow no eviction:" >&2
  kube --request-timeout=10s get poddisruptionbudgets --all-namespaces -o go-template='
{{- range .items}}{{if eq .status.disruptionsAllowed 0}}  {{.metadata.namespace}}/{{.metadata.name}}{{"\n"}}{{end}}{{end}}' >&2
  return "$status"
}

ready() {
  kube --request-timeout=5s get node "$1" -o go-template='
{{- range .status.conditions}}{{if eq .type "Ready"}}answer={{.status}}{{"\n"}}{{end}}{{end}}'
}
