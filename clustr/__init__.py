"""clustr turns bare Linux servers into a GPU Kubernetes cluster, over SSH, from one YAML inventory."""
