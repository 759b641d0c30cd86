record 87d9fbdd92dbc22062f3ff436a291283 <<'END_OF_RECORD'
node_exporter 
cGFja2FnZSBwcm9tZXRoZXVzLW5vZGUtZXhwb3J0ZXI=
0
# stays: apt-get remove prometheus-node-exporter
END_OF_RECORD
apply_packages prometheus-node-exporter

record a4a6c68401285dd747b2bb3fdf443d84 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9kZWZhdWx0L3Byb21ldGhldXMtbm9kZS1leHBvcnRlcg==
1
restore_file /etc/default/prometheus-node-exporter
END_OF_RECORD
apply_file /etc/default/prometheus-node-exporter 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
ARGS="--web.listen-address=10.0.0.21:9100 --collector.textfile.directory=/var/lib/prometheus/node-exporter --collector.systemd --collector.systemd.unit-include=.+[.]service"
END_OF_FILE_BY_CLUSTR

record 7d9e74c746dc21175ded7a39c17bec19 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLW5vZGUtZXhwb3J0ZXIuc2VydmljZS5kLzQwLW5ldHdvcmsuY29uZg==
2
restore_file /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. It listens on the internal address, which may come up after the unit's turn.
[Unit]
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5s
END_OF_FILE_BY_CLUSTR

record 019254230b30d79ff8c36647d7f0a877 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLW5vZGUtZXhwb3J0ZXIuc2VydmljZS5kLzUwLWNsdXN0ci5jb25m
3
restore_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf /etc/default/prometheus-node-exporter /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf
END_OF_FILE_BY_CLUSTR

record dd682f16c4f31914fe29ce5b7ed7cf60 <<'END_OF_RECORD'
node_exporter 
cHJvbWV0aGV1cy1ub2RlLWV4cG9ydGVyLnNlcnZpY2UgYXQgYm9vdA==
4
undo_enabled prometheus-node-exporter.service
END_OF_RECORD
apply_enabled prometheus-node-exporter.service enabled

record 47c23fb25b0db4c82dc5d91864da9c31 <<'END_OF_RECORD'
node_exporter 
cHJvbWV0aGV1cy1ub2RlLWV4cG9ydGVyLnNlcnZpY2UgcnVucw==
5
undo_started prometheus-node-exporter.service
END_OF_RECORD
apply_started prometheus-node-exporter.service 73c7ee5a456fd24150446960883b921b3ed4c53f4a68c3b02a8e1e1e901e1341
