record 8805e99df8e2fb4541ca75e882d0a17b <<'END_OF_RECORD'
gpu_operator 
L3Zhci9saWIvcmFuY2hlci9rM3Mvc2VydmVyL21hbmlmZXN0cy9jbHVzdHItZ3B1LW9wZXJhdG9yLW5hbWVzcGFjZS55YW1s
0
undo_manifest /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator-namespace.yaml
END_OF_RECORD
apply_file /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator-namespace.yaml 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
apiVersion: v1
kind: Namespace
metadata:
  name: gpu-operator
  labels:
    # Its pods reach into the host.
    pod-security.kubernetes.io/enforce: privileged
END_OF_FILE_BY_CLUSTR

record fb7bc6488351a5b0407e29757e58ac7f <<'END_OF_RECORD'
gpu_operator 
L3Zhci9saWIvcmFuY2hlci9rM3Mvc2VydmVyL21hbmlmZXN0cy9jbHVzdHItZ3B1LW9wZXJhdG9yLnlhbWw=
1
undo_manifest /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator.yaml
END_OF_RECORD
apply_file /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator.yaml 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata:
  name: gpu-operator
  namespace: kube-system
spec:
  repo: https://helm.ngc.nvidia.com/nvidia
  chart: gpu-operator
  version: v26.7.1
  targetNamespace: gpu-operator
  valuesContent: |
    driver:
      enabled: false
    toolkit:
      enabled: false
    dcgmExporter:
      enabled: false
    migManager:
      enabled: true
    mig:
      strategy: mixed
    devicePlugin:
      config:
        create: true
        name: clustr-device-plugin
        default: whole
        data:
          shared-4: "version: v1\nflags:\n  migStrategy: mixed\nsharing:\n  timeSlicing:\n    renameByDefault: true\n    failRequestsGreaterThanOne: true\n    resources:\n    - name: nvidia.com/gpu\n      replicas: 4\n"
          whole: "version: v1\nflags:\n  migStrategy: mixed\n"
END_OF_FILE_BY_CLUSTR
