#!/usr/bin/env bash
# demo.sh FOLDER: five real nodes on this machine, a cluster on them, its health. They stay.
set -euo pipefail
cd "$(dirname "$0")/.."
artifacts=()
if [ -d "$1" ]; then artifacts=(--artifacts "$1"); fi
clustr lab up demo --servers 3 --agents 2 "${artifacts[@]}"
inventory=/var/lib/clustr/labs/demo/inventory.yaml
clustr bootstrap --yes "$inventory"
clustr doctor "$inventory"
cat <<END

The nodes go on running. Try:
  .venv/bin/clustr lab ssh demo/cp1 -- kubectl get nodes
  .venv/bin/clustr plan $inventory
  .venv/bin/clustr lab ssh demo/agent1 -- systemctl stop prometheus-node-exporter
  .venv/bin/clustr doctor $inventory
  .venv/bin/clustr bootstrap $inventory
  .venv/bin/clustr lab down demo
END
