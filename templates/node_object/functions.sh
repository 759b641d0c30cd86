# Node objects, asked of a server that answers: once per script, whatever the number of nodes.

# kubectl keeps a cache of the API, in the home folder unless told another place.
node_object_kubectl() {
  /usr/local/bin/k3s kubectl --cache-dir="${scratch:-/run/clustr}/kubectl" --request-timeout=20s "$@"
}

# Fills $scratch/node_objects with a file per node of lines "kind KEY VALUE", with tabs between. A server that holds no
# cluster data has no nodes to tell; one that holds some and does not answer is an error, once for all probes.
node_object_read() {
  local known=$scratch/node_objects template
  if [ -e "$known.failed" ]; then
    cat "$known.failed" >&2
    return 1
  fi
  if [ -d "$known" ]; then return; fi
  # shellcheck disable=SC2016 # the dollars are the template's
  template='{{range .items}}{{$n := .metadata.name}}
{{- range $k, $v := .metadata.labels}}{{printf "%s\tlabel\t%s\t%s\n" $n $k $v}}{{end}}
{{- range $k, $v := .metadata.annotations}}{{printf "%s\tannotation\t%s\t%q\n" $n $k $v}}{{end}}
{{- range .spec.taints}}{{printf "%s\ttaint\t%s:%s\t" $n .key .effect}}{{with .value}}{{.}}{{end}}{{"\n"}}{{end}}{{end}}'
  mkdir -p -- "$known.new"
  if [ -e /var/lib/rancher/k3s/server/db ]; then
    if ! node_object_kubectl get nodes -o go-template="$template" >"$known.all" 2>"$known.error"; then
      mv -f -- "$known.error" "$known.failed"
      cat "$known.failed" >&2
      return 1
    fi
    awk -F '\t' -v folder="$known.new" '
      $1 != last { if (last) close(folder "/" last); last = $1 }
      { print substr($0, length($1) + 2) > (folder "/" $1) }' "$known.all"
  fi
  mv -T -- "$known.new" "$known"
}

# node_object_probe NODE label|taint KEY: the value in quotes, or absent.
node_object_probe() {
  local kind key value
  node_object_read
  if [ -e "$scratch/node_objects/$1" ]; then
    while IFS=$'\t' read -r kind key value; do
      if [ "$kind" = "$2" ] && [ "$key" = "$3" ]; then
        echo "\"$value\""
        return
      fi
    done <"$scratch/node_objects/$1"
  fi
  echo absent
}

# node_object_probe_left NODE label|taint KEY...: what clustr set on the node and the inventory names no more.
node_object_probe_left() {
  local mark=$2.clustr.io/ kind key value
  local -a left=()
  node_object_read
  if [ -e "$scratch/node_objects/$1" ]; then
    while IFS=$'\t' read -r kind key value; do
      value=${value//\"/}
      if [ "$kind" = annotation ] && [ "${key#"$mark"}" != "$key" ] && [[ " ${*:3} " != *" $value "* ]]; then
        left+=("$value")
      fi
    done <"$scratch/node_objects/$1"
  fi
  echo "${left[*]:-none}"
}

node_object_probe_cordon() {
  local kind key value
  node_object_read
  if [ -e "$scratch/node_objects/$1" ]; then
    while IFS=$'\t' read -r kind key value; do
      if [ "$kind $key" = "annotation clustr.io/cordoned" ]; then
        echo "by run ${value//\"/}"
        return
      fi
    done <"$scratch/node_objects/$1"
  fi
  echo none
}

# node_object_mark label|taint KEY: the annotation by which clustr knows what it set.
node_object_mark() {
  echo "$1.clustr.io/$(printf %s "$2" | sha256sum | cut -c1-16)"
}

# Marked first, so that a cut leaves nothing behind that nobody owns.
node_object_set_label() {
  node_object_kubectl annotate --overwrite node "$1" "$(node_object_mark label "$2")=$2"
  node_object_kubectl label --overwrite node "$1" "$2=$3"
}

# node_object_set_taint NODE KEY:EFFECT KEY=VALUE:EFFECT
node_object_set_taint() {
  node_object_kubectl annotate --overwrite node "$1" "$(node_object_mark taint "$2")=$2"
  node_object_kubectl taint --overwrite node "$1" "$3"
}

# node_object_remove_left NODE label|taint KEY...: takes those away, and then the marks that clustr had set them.
node_object_remove_left() {
  local node=$1 kind=$2 left key scratch
  scratch=$(mktemp -d /dev/shm/clustr-nodes.XXXXXXXX)
  left=$(node_object_probe_left "$@")
  for key in $left; do
    [ "$key" != none ] || continue
    # Somebody else may have taken it away already.
    if [ "$(node_object_probe "$node" "$kind" "$key")" != absent ]; then node_object_kubectl "$kind" node "$node" "$key-"; fi
    node_object_kubectl annotate node "$node" "$(node_object_mark "$kind" "$key")-"
  done
  rm -rf -- "$scratch"
}

node_object_uncordon() {
  node_object_kubectl uncordon "$1"
  node_object_kubectl annotate node "$1" clustr.io/cordoned-
}
