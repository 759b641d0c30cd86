record fb7bc6488351a5b0407e29757e58ac7f <<'END_OF_RECORD'
gpu_operator 
L3Zhci9saWIvcmFuY2hlci9rM3Mvc2VydmVyL21hbmlmZXN0cy9jbHVzdHItZ3B1LW9wZXJhdG9yLnlhbWw=
0
undo_manifest /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator.yaml
END_OF_RECORD
apply_file /var/lib/rancher/k3s/server/manifests/clustr-gpu-operator.yaml 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
apiVersion: v1
kind: Namespace
metadata:
  name: gpu-operator
  labels:
    # Its pods reach into the host.
    pod-security.kubernetes.io/enforce: privileged
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: clustr-device-plugin
  namespace: gpu-operator
data:
  shared-4: |
    version: v1
    flags:
      migStrategy: mixed
    sharing:
      timeSlicing:
        renameByDefault: true
        failRequestsGreaterThanOne: true
        resources:
        - name: nvidia.com/gpu
          replicas: 4
  whole: |
    version: v1
    flags:
      migStrategy: mixed
---
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
      strategy: single
    devicePlugin:
      config:
        name: clustr-device-plugin
        default: whole
END_OF_FILE_BY_CLUSTR
