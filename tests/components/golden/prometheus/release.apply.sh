record fe74a72a3cecf77548ed7dbe64ba2545 <<'END_OF_RECORD'
prometheus 
cmVsZWFzZSBwcm9tZXRoZXVz
0
undo_tarball prometheus prometheus promtool
END_OF_RECORD
apply_tarball prometheus 5555555555555555555555555555555555555555555555555555555555555555 https://github.com/prometheus/prometheus/releases/download/v3.5.0/prometheus-3.5.0.linux-amd64.tar.gz prometheus promtool

record 43c337c4c53f6ce670f5add4cabc496c <<'END_OF_RECORD'
prometheus 
dXNlciBwcm9tZXRoZXVz
1
# stays: userdel prometheus
END_OF_RECORD
if ! getent passwd prometheus >/dev/null; then useradd --system --user-group --home-dir /var/lib/prometheus --no-create-home --shell /usr/sbin/nologin prometheus; fi

record 2349cccaebf62d97dfe92202f398db1a <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3J1bGVzL2NsdXN0ci55bWw=
2
restore_file /etc/prometheus/rules/clustr.yml
END_OF_RECORD
apply_file /etc/prometheus/rules/clustr.yml 0644 root:root 'promtool check rules' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
groups:
  - name: quorum
    rules:
      - alert: NoServerToSpare
        expr: count(up{job="node",role="server"} == 1) <= 2 and count(up{job="node",role="server"} == 0) > 0
        for: 2m
        labels: {severity: critical}
        annotations:
          summary: "of 3 servers no more than 2 answer; etcd stops when one more is lost"


  - name: nodes
    rules:
      - alert: NodeDown
        expr: up{job="node"} == 0
        for: 2m
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.node }} does not answer"
          description: "its node_exporter at {{ $labels.instance }} has not answered for 2 minutes"

      - alert: NodeRebooted
        expr: time() - node_boot_time_seconds < 600
        labels: {severity: info}
        annotations:
          summary: "{{ $labels.node }} was started within the last 10 minutes"

      - alert: ServiceFailed
        expr: node_systemd_unit_state{state="failed"} == 1
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.name }} has failed on {{ $labels.node }}"
          description: "look: journalctl -u {{ $labels.name }}"

      - alert: CollectorFailed
        expr: node_scrape_collector_success{collector=~"cpu|diskstats|filesystem|meminfo|netdev|systemd|timex"} == 0
        for: 15m
        labels: {severity: warning}
        annotations:
          summary: "node_exporter on {{ $labels.node }} cannot read {{ $labels.collector }}"

  - name: disks
    rules:
      - alert: DiskAlmostFull
        expr: |
          node_filesystem_avail_bytes{fstype=~"ext4|xfs|btrfs|zfs|overlay|nfs4?"} / node_filesystem_size_bytes < 0.10
          and node_filesystem_readonly == 0
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.mountpoint }} on {{ $labels.node }} has {{ $value | humanizePercentage }} left"
          description: "the kubelet evicts pods when 10% are left for it and 15% for images"

      - alert: DiskFull
        expr: |
          node_filesystem_avail_bytes{fstype=~"ext4|xfs|btrfs|zfs|overlay|nfs4?"} / node_filesystem_size_bytes < 0.03
          and node_filesystem_readonly == 0
        for: 2m
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.mountpoint }} on {{ $labels.node }} has {{ $value | humanizePercentage }} left"

      - alert: InodesAlmostGone
        expr: |
          node_filesystem_files_free{fstype=~"ext4|xfs|overlay"} / node_filesystem_files < 0.05
          and node_filesystem_files > 0 and node_filesystem_readonly == 0
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.mountpoint }} on {{ $labels.node }} has {{ $value | humanizePercentage }} of its inodes left"

      - alert: FilesystemReadOnly
        expr: node_filesystem_readonly{fstype=~"ext4|xfs|btrfs|zfs",mountpoint!~"/(run|boot|snap)(/.*)?"} == 1
        for: 2m
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.mountpoint }} on {{ $labels.node }} is read-only"
          description: "a kernel does this after errors of the disk; look: dmesg"

  - name: memory
    rules:
      - alert: MemoryAlmostFull
        expr: node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.node }} has {{ $value | humanizePercentage }} of its memory available"

      - alert: OutOfMemoryKill
        expr: increase(node_vmstat_oom_kill[10m]) > 0
        labels: {severity: warning}
        annotations:
          summary: "the kernel ended a process on {{ $labels.node }} for want of memory"

      - alert: MemoryErrors
        expr: increase(node_edac_uncorrectable_errors_total[1h]) > 0
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.node }} has uncorrectable memory errors"

  - name: clock
    rules:
      # By the monitor's own clock. The kernel's own word (node_timex_sync_status) is about chronyd's hand on it only.
      - alert: ClockSkew
        expr: abs(node_time_seconds - timestamp(node_time_seconds)) > 2
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "the clock of {{ $labels.node }} is {{ $value | humanizeDuration }} off"
          description: "etcd and certificates want one time on all nodes; look: chronyc tracking"

  - name: monitoring
    rules:
      - alert: AlertmanagerDown
        expr: up{job="alertmanager"} == 0
        for: 5m
        labels: {severity: critical}
        annotations:
          summary: "Alertmanager on {{ $labels.node }} does not answer, so alerts reach nobody"

      - alert: AlertsNotSent
        expr: rate(alertmanager_notifications_failed_total[5m]) > 0
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "Alertmanager on {{ $labels.node }} cannot reach a receiver"

      - alert: ConfigurationRefused
        expr: prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: "{{ $labels.job }} on {{ $labels.node }} goes on with an old configuration"
END_OF_FILE_BY_CLUSTR

record cc94ed1e272fa40060fc5366b91cb408 <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3J1bGVzL2NsdXN0ci1ncHUtcnVsZXMueW1s
3
restore_file /etc/prometheus/rules/clustr-gpu-rules.yml
END_OF_RECORD
apply_file /etc/prometheus/rules/clustr-gpu-rules.yml 0644 root:root 'promtool check rules' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. What does not depend on the version of dcgm-exporter.
groups:
  - name: gpu
    rules:
      - alert: GpuExporterDown
        expr: up{job="gpu"} == 0
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: "dcgm-exporter on {{ $labels.node }} does not answer"
          description: "look: systemctl status nvidia-dcgm-exporter nvidia-dcgm"

      # Neither the names of 4.8 nor those of 4.9: without this, every other rule would be silent for ever.
      - alert: GpuMetricsNotUnderstood
        expr: |
          up{job="gpu"} == 1 unless on (node) (DCGM_FI_DEV_GPU_TEMP{job="gpu"} or DCGM_FI_DEV_GPU_TEMP_CELSIUS{job="gpu"})
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "dcgm-exporter on {{ $labels.node }} tells of no GPU in words that the alert rules know"

      - alert: GpuMemoryErrors
        expr: increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[1h]) > 0
        labels: {severity: critical}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has uncorrectable memory errors"
          description: "drain the node and reset the GPU"

      - alert: GpuRowRemapPending
        expr: DCGM_FI_DEV_ROW_REMAP_PENDING == 1
        for: 10m
        labels: {severity: warning}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} waits for a reset to put bad memory rows out of use"
END_OF_FILE_BY_CLUSTR

record 18395541569636b0985cfbc539f46c4b <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3J1bGVzL2NsdXN0ci1ncHUtcnVsZXMtNC44LnltbA==
4
restore_file /etc/prometheus/rules/clustr-gpu-rules-4.8.yml
END_OF_RECORD
apply_file /etc/prometheus/rules/clustr-gpu-rules-4.8.yml 0644 root:root 'promtool check rules' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. In the words and units of dcgm-exporter up to 4.8.
groups:
  - name: gpu-4.8
    rules:
      # A reset or a restart is due, by https://docs.nvidia.com/deploy/xid-errors; the others are mostly of programs.
      - alert: GpuXid
        expr: |
          DCGM_FI_DEV_XID_ERRORS == 46
          or DCGM_FI_DEV_XID_ERRORS == 48
          or DCGM_FI_DEV_XID_ERRORS == 62
          or DCGM_FI_DEV_XID_ERRORS == 64
          or DCGM_FI_DEV_XID_ERRORS == 74
          or DCGM_FI_DEV_XID_ERRORS == 79
          or DCGM_FI_DEV_XID_ERRORS == 95
          or DCGM_FI_DEV_XID_ERRORS == 109
          or DCGM_FI_DEV_XID_ERRORS == 110
          or DCGM_FI_DEV_XID_ERRORS == 119
          or DCGM_FI_DEV_XID_ERRORS == 120
          or DCGM_FI_DEV_XID_ERRORS == 136
          or DCGM_FI_DEV_XID_ERRORS == 140
          or DCGM_FI_DEV_XID_ERRORS == 143
          or DCGM_FI_DEV_XID_ERRORS == 154
          or DCGM_FI_DEV_XID_ERRORS == 155
          or DCGM_FI_DEV_XID_ERRORS == 156
          or DCGM_FI_DEV_XID_ERRORS == 158
        labels: {severity: critical}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has met XID {{ $value }}"
          description: "look: dmesg, and https://docs.nvidia.com/deploy/xid-errors"

      - alert: GpuHot
        expr: DCGM_FI_DEV_GPU_TEMP >= DCGM_FI_DEV_SLOWDOWN_TEMP - 3 and DCGM_FI_DEV_SLOWDOWN_TEMP > 0
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has {{ $value }} °C and is about to slow down"

      - alert: GpuSlow
        expr: DCGM_FI_DEV_GPU_UTIL > 80 and DCGM_FI_DEV_SM_CLOCK < 0.5 * DCGM_FI_DEV_MAX_SM_CLOCK
        for: 15m
        labels: {severity: warning}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} works at less than half its clock"
          description: "power or heat holds it back; look: nvidia-smi -q -d PERFORMANCE"

      - alert: GpuRowRemapFailed
        expr: DCGM_FI_DEV_ROW_REMAP_FAILURE == 1
        labels: {severity: critical}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has no spare memory rows left; it has to be replaced"
END_OF_FILE_BY_CLUSTR

record cc093c74e6723c9b4b0f36f42853ebb2 <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3J1bGVzL2NsdXN0ci1ncHUtcnVsZXMtNC45LnltbA==
5
restore_file /etc/prometheus/rules/clustr-gpu-rules-4.9.yml
END_OF_RECORD
apply_file /etc/prometheus/rules/clustr-gpu-rules-4.9.yml 0644 root:root 'promtool check rules' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. In the words and units of dcgm-exporter from 4.9 on.
groups:
  - name: gpu-4.9
    rules:
      # A reset or a restart is due, by https://docs.nvidia.com/deploy/xid-errors; the others are mostly of programs.
      - alert: GpuXid
        expr: |
          DCGM_FI_DEV_XID_ERROR == 46
          or DCGM_FI_DEV_XID_ERROR == 48
          or DCGM_FI_DEV_XID_ERROR == 62
          or DCGM_FI_DEV_XID_ERROR == 64
          or DCGM_FI_DEV_XID_ERROR == 74
          or DCGM_FI_DEV_XID_ERROR == 79
          or DCGM_FI_DEV_XID_ERROR == 95
          or DCGM_FI_DEV_XID_ERROR == 109
          or DCGM_FI_DEV_XID_ERROR == 110
          or DCGM_FI_DEV_XID_ERROR == 119
          or DCGM_FI_DEV_XID_ERROR == 120
          or DCGM_FI_DEV_XID_ERROR == 136
          or DCGM_FI_DEV_XID_ERROR == 140
          or DCGM_FI_DEV_XID_ERROR == 143
          or DCGM_FI_DEV_XID_ERROR == 154
          or DCGM_FI_DEV_XID_ERROR == 155
          or DCGM_FI_DEV_XID_ERROR == 156
          or DCGM_FI_DEV_XID_ERROR == 158
        labels: {severity: critical}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has met XID {{ $value }}"
          description: "look: dmesg, and https://docs.nvidia.com/deploy/xid-errors"

      - alert: GpuHot
        expr: DCGM_FI_DEV_GPU_TEMP_CELSIUS >= DCGM_FI_DEV_GPU_TEMP_SLOWDOWN_CELSIUS - 3 and DCGM_FI_DEV_GPU_TEMP_SLOWDOWN_CELSIUS > 0
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has {{ $value }} °C and is about to slow down"

      - alert: GpuSlow
        expr: DCGM_FI_DEV_GPU_UTIL_RATIO > 0.8 and DCGM_FI_DEV_SM_CLOCK_HERTZ < 0.5 * DCGM_FI_DEV_SM_MAX_CLOCK_HERTZ
        for: 15m
        labels: {severity: warning}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} works at less than half its clock"
          description: "power or heat holds it back; look: nvidia-smi -q -d PERFORMANCE"

      - alert: GpuRowRemapFailed
        expr: DCGM_FI_DEV_ROW_REMAP_FAILED == 1
        labels: {severity: critical}
        annotations:
          summary: "GPU {{ $labels.gpu }} of {{ $labels.node }} has no spare memory rows left; it has to be replaced"
END_OF_FILE_BY_CLUSTR

record 1c0cf55a5a1ce41073317cc701e150a9 <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3RhcmdldHMvbm9kZXMuanNvbg==
6
restore_file /etc/prometheus/targets/nodes.json
END_OF_RECORD
apply_file /etc/prometheus/targets/nodes.json 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
[
  {
    "targets": [
      "10.0.0.11:9100"
    ],
    "labels": {
      "node": "cp1",
      "role": "server"
    }
  },
  {
    "targets": [
      "10.0.0.12:9100"
    ],
    "labels": {
      "node": "cp2",
      "role": "server"
    }
  },
  {
    "targets": [
      "10.0.0.13:9100"
    ],
    "labels": {
      "node": "cp3",
      "role": "server"
    }
  },
  {
    "targets": [
      "10.0.0.21:9100"
    ],
    "labels": {
      "node": "gpu1",
      "role": "agent"
    }
  },
  {
    "targets": [
      "10.0.0.31:9100"
    ],
    "labels": {
      "node": "mon1",
      "role": "monitor"
    }
  }
]
END_OF_FILE_BY_CLUSTR

record 0ce7c2e08765e7866ecf6bd647ed4daf <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3RhcmdldHMvZ3B1cy5qc29u
7
restore_file /etc/prometheus/targets/gpus.json
END_OF_RECORD
apply_file /etc/prometheus/targets/gpus.json 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
[]
END_OF_FILE_BY_CLUSTR

record 33bf15462ba01523b1db32e6667b9555 <<'END_OF_RECORD'
prometheus 
L2V0Yy9wcm9tZXRoZXVzL3Byb21ldGhldXMueW1s
8
restore_file /etc/prometheus/prometheus.yml
END_OF_RECORD
apply_file /etc/prometheus/prometheus.yml 0644 root:root 'promtool check config' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels:
    cluster: "test"

rule_files:
  - /etc/prometheus/rules/clustr.yml
  - /etc/prometheus/rules/clustr-gpu-rules.yml
  - /etc/prometheus/rules/clustr-gpu-rules-4.8.yml
  - /etc/prometheus/rules/clustr-gpu-rules-4.9.yml

alerting:
  alertmanagers:
    - static_configs:
        - targets: ["10.0.0.31:9093"]

scrape_configs:
  - job_name: node
    file_sd_configs:
      - files: [/etc/prometheus/targets/nodes.json]

  # It reads the GPUs every 30 s; what is asked more often is the same again.
  - job_name: gpu
    scrape_interval: 30s
    file_sd_configs:
      - files: [/etc/prometheus/targets/gpus.json]

  - job_name: prometheus
    static_configs:
      - targets: ["10.0.0.31:9090"]
        labels: {node: "mon1"}

  - job_name: alertmanager
    static_configs:
      - targets: ["10.0.0.31:9093"]
        labels: {node: "mon1"}
END_OF_FILE_BY_CLUSTR

record 74a000396e39e48f01559e9c80698c76 <<'END_OF_RECORD'
prometheus 
L2V0Yy9kZWZhdWx0L3Byb21ldGhldXM=
9
restore_file /etc/default/prometheus
END_OF_RECORD
apply_file /etc/default/prometheus 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
ARGS="--web.listen-address=10.0.0.31:9090 --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/var/lib/prometheus/metrics2 --storage.tsdb.retention.time=90d"
END_OF_FILE_BY_CLUSTR

record d1d56ac27b78dc14e74ad2c905704aaa <<'END_OF_RECORD'
prometheus 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLnNlcnZpY2U=
10
restore_file /etc/systemd/system/prometheus.service
END_OF_RECORD
apply_file /etc/systemd/system/prometheus.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Unit]
Description=prometheus, of the release

[Service]
User=prometheus
EnvironmentFile=/etc/default/prometheus
ExecStart=/usr/local/bin/prometheus $ARGS
ExecReload=/bin/kill -HUP $MAINPID
StateDirectory=prometheus prometheus/node-exporter
WorkingDirectory=/var/lib/prometheus
NoNewPrivileges=yes
ProtectSystem=full
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
END_OF_FILE_BY_CLUSTR

record 0f4e8ac82a58443c916673a6ac4cb25b <<'END_OF_RECORD'
prometheus 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLnNlcnZpY2UuZC80MC1uZXR3b3JrLmNvbmY=
11
restore_file /etc/systemd/system/prometheus.service.d/40-network.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus.service.d/40-network.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. It listens on the internal address, which may come up after the unit's turn.
[Unit]
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5s
END_OF_FILE_BY_CLUSTR

record e74524ab2543282b98f554e88452fb9b <<'END_OF_RECORD'
prometheus 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
12
restore_file /etc/systemd/system/prometheus.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus.service /etc/systemd/system/prometheus.service.d/50-clustr.conf /etc/prometheus/rules/clustr.yml /etc/prometheus/rules/clustr-gpu-rules.yml /etc/prometheus/rules/clustr-gpu-rules-4.8.yml /etc/prometheus/rules/clustr-gpu-rules-4.9.yml /etc/prometheus/prometheus.yml /etc/default/prometheus /etc/systemd/system/prometheus.service /etc/systemd/system/prometheus.service.d/40-network.conf /usr/local/lib/clustr/prometheus.release
END_OF_FILE_BY_CLUSTR

record 1d7d6dcb30ec8a8426a0a0e2e232216b <<'END_OF_RECORD'
prometheus 
cHJvbWV0aGV1cy5zZXJ2aWNlIGF0IGJvb3Q=
13
undo_enabled prometheus.service
END_OF_RECORD
apply_enabled prometheus.service enabled

record 6f4b04121f9ef651b840c805a7f3aa0c <<'END_OF_RECORD'
prometheus 
cHJvbWV0aGV1cy5zZXJ2aWNlIHJ1bnM=
14
undo_started prometheus.service
END_OF_RECORD
apply_started prometheus.service ac7b5b2625d5a9d63b2dbdb432362989a11312e3f190f74a3473506f2177e502
