device_plugin_await_operators gpu-operator nvidia-device-plugin-daemonset

record 962cf2ba31e4f2c973de6fd11576e697 <<'END_OF_RECORD'
device_plugin 
L3Zhci9saWIvcmFuY2hlci9rM3Mvc2VydmVyL21hbmlmZXN0cy9jbHVzdHItbnZpZGlhLWRldmljZS1wbHVnaW4ueWFtbA==
1
undo_manifest /var/lib/rancher/k3s/server/manifests/clustr-nvidia-device-plugin.yaml
END_OF_RECORD
apply_file /var/lib/rancher/k3s/server/manifests/clustr-nvidia-device-plugin.yaml 0600 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
apiVersion: v1
kind: ConfigMap
metadata:
  name: nvidia-device-plugin
  namespace: kube-system
data:
  whole.yaml: |
    version: v1
    flags:
      migStrategy: mixed
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: nvidia-device-plugin-whole
  namespace: kube-system
  labels: &labels
    app.kubernetes.io/name: nvidia-device-plugin
    app.kubernetes.io/instance: whole
spec:
  selector:
    matchLabels: *labels
  updateStrategy:
    type: RollingUpdate
  template:
    metadata:
      labels: *labels
      annotations:
        clustr.io/configuration: "f2bcc930b2551dac"
    spec:
      priorityClassName: system-node-critical
      runtimeClassName: nvidia
      automountServiceAccountToken: false
      nodeSelector:
        nvidia.com/gpu.present: "true"
        nvidia.com/device-plugin.config: whole
      # Whatever a class taints its nodes with, their GPUs are to be had.
      tolerations:
        - operator: Exists
      containers:
        - name: nvidia-device-plugin
          image: nvcr.io/nvidia/k8s-device-plugin:v0.20.1
          command: [nvidia-device-plugin]
          env:
            - name: CONFIG_FILE
              value: /config/whole.yaml
            - name: FAIL_ON_INIT_ERROR
              value: "true"
            - name: DEVICE_LIST_STRATEGY
              value: envvar
            - name: NVIDIA_VISIBLE_DEVICES
              value: all
            - name: NVIDIA_DRIVER_CAPABILITIES
              value: compute,utility
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
          resources:
            requests: {cpu: 10m, memory: 64Mi}
          volumeMounts:
            - name: config
              mountPath: /config
            - name: device-plugins
              mountPath: /var/lib/kubelet/device-plugins
      volumes:
        - name: config
          configMap:
            name: nvidia-device-plugin
        - name: device-plugins
          hostPath:
            path: /var/lib/kubelet/device-plugins
            type: Directory
END_OF_FILE_BY_CLUSTR
