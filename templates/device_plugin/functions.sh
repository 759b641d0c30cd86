# What the goals of device_plugin call, beside node_object_kubectl. The probes change nothing.

# device_plugin_probe_operators NAMESPACE NAME
device_plugin_probe_operators() {
  local found
  found=$(node_object_kubectl --namespace="$1" get daemonsets.apps "$2" --ignore-not-found -o name)
  echo "${found:-none}"
}

# device_plugin_await_operators NAMESPACE NAME: its pods are waited for as well, but not for those of a node that is down.
device_plugin_await_operators() {
  local waited=0 pods=
  echo "::status waiting until the GPU Operator's device plugin is gone"
  until [ "$(device_plugin_probe_operators "$@")" = none ]; do
    if [ "$waited" -ge 300 ]; then
      echo "DaemonSet $1/$2 is still there after 5 minutes; look: k3s kubectl get clusterpolicies,helmcharts -A" >&2
      return 1
    fi
    sleep 2
    waited=$((waited + 2))
  done
  for ((waited = 0; waited < 60; waited += 2)); do
    pods=$(node_object_kubectl --namespace="$1" get pods -l "app=$2" -o name)
    [ -n "$pods" ] || return 0
    sleep 2
  done
  echo "still ending, on nodes that may be down: ${pods//$'\n'/ }"
}
