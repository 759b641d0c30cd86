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
{{- with .metadata.annotations}}{{with index . "'"$mark"'"}} {{.}}{{end}}{{end}}'
}

# change NODE VERSION ANNOTATION UNSCHEDULABLE: one patch, refused if the node changed since it was looked at. The kubelet
# writes there too, all the more after a boot: status 2 says that it did, and the node has to be looked at again.
change() {
  local said
  if said=$(kube --request-timeout=10s patch node "$1" --type=merge -p "{
    \"metadata\": {\"resourceVersion\": \"$2\", \"annotations\": {\"$mark\": $3}},
    \"spec\": {\"unschedulable\": $4}}" 2>&1); then
    return 0
  fi
  case $said in *"(Conflict)"*) return 2 ;; esac
  echo "$said" >&2
  return 1
}

# set_mark NODE RUN ANNOTATION UNSCHEDULABLE. A person's cordon has no mark, and is left alone. A cordon takes over the mark
# that a cut run left; an uncordon takes away this run's own.
set_mark() {
  local seen version state run try status
  for try in 1 2 3 4 5 6 7 8 9 10; do
    seen=$(look "$1") # by itself: in a here-string its failure would pass unseen
    read -r version state run <<<"$seen"
    if [ "$4" = null ] && [ "$run" != "$2" ] || { [ -z "$run" ] && [ "$state" = cordoned ]; }; then
      # One that is asked twice, over a cut line, finds the node open.
      case $state in open) echo "answer=open" ;; *) echo "answer=theirs" ;; esac
      return
    fi
    status=0
    change "$1" "$version" "$3" "$4" || status=$?
    if [ "$status" = 0 ]; then
      echo "answer=ours"
      return
    fi
    [ "$status" = 2 ] || return "$status"
    sleep 0.5
  done
  echo "the node changed at each of $try tries" >&2
  return 1
}

# cordon NODE RUN
cordon() {
  set_mark "$1" "$2" "\"$2\"" true
}

# uncordon NODE RUN
uncordon() {
  set_mark "$1" "$2" null null
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

# ready NODE: whether it is, and the boot that its kubelet has told of last.
ready() {
  kube --request-timeout=5s get node "$1" -o go-template='
{{- range .status.conditions}}{{if eq .type "Ready"}}answer={{.status}}{{"\n"}}{{end}}{{end -}}
boot={{.status.nodeInfo.bootID}}{{"\n"}}'
}
