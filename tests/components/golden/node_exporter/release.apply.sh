record 432012555a56019a8f57906a8c1ee620 <<'END_OF_RECORD'
node_exporter 
cmVsZWFzZSBub2RlX2V4cG9ydGVy
0
undo_tarball node_exporter node_exporter
END_OF_RECORD
apply_tarball node_exporter 5555555555555555555555555555555555555555555555555555555555555555 https://github.com/prometheus/node_exporter/releases/download/v1.9.1/node_exporter-1.9.1.linux-amd64.tar.gz node_exporter

record b7acb9f98e1e547a450e0c6ebeaf5c9a <<'END_OF_RECORD'
node_exporter 
dXNlciBwcm9tZXRoZXVz
1
# stays: userdel prometheus
END_OF_RECORD
if ! getent passwd prometheus >/dev/null; then useradd --system --user-group --home-dir /var/lib/prometheus --no-create-home --shell /usr/sbin/nologin prometheus; fi

record a4a6c68401285dd747b2bb3fdf443d84 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9kZWZhdWx0L3Byb21ldGhldXMtbm9kZS1leHBvcnRlcg==
2
restore_file /etc/default/prometheus-node-exporter
END_OF_RECORD
apply_file /etc/default/prometheus-node-exporter 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
ARGS="--web.listen-address=10.0.0.31:9100 --collector.textfile.directory=/var/lib/prometheus/node-exporter --collector.systemd --collector.systemd.unit-include=.+[.]service"
END_OF_FILE_BY_CLUSTR

record 83e543c86cfe7b908cba1fb7fcee1aa6 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLW5vZGUtZXhwb3J0ZXIuc2VydmljZQ==
3
restore_file /etc/systemd/system/prometheus-node-exporter.service
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-node-exporter.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Unit]
Description=node_exporter, of the release

[Service]
User=prometheus
EnvironmentFile=/etc/default/prometheus-node-exporter
ExecStart=/usr/local/bin/node_exporter $ARGS
ExecReload=/bin/kill -HUP $MAINPID
StateDirectory=prometheus prometheus/node-exporter
WorkingDirectory=/var/lib/prometheus
NoNewPrivileges=yes
ProtectSystem=full
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
END_OF_FILE_BY_CLUSTR

record 7d9e74c746dc21175ded7a39c17bec19 <<'END_OF_RECORD'
node_exporter 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLW5vZGUtZXhwb3J0ZXIuc2VydmljZS5kLzQwLW5ldHdvcmsuY29uZg==
4
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
5
restore_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf /etc/default/prometheus-node-exporter /etc/systemd/system/prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf /usr/local/lib/clustr/node_exporter.release
END_OF_FILE_BY_CLUSTR

record dd682f16c4f31914fe29ce5b7ed7cf60 <<'END_OF_RECORD'
node_exporter 
cHJvbWV0aGV1cy1ub2RlLWV4cG9ydGVyLnNlcnZpY2UgYXQgYm9vdA==
6
undo_enabled prometheus-node-exporter.service
END_OF_RECORD
apply_enabled prometheus-node-exporter.service enabled

record 47c23fb25b0db4c82dc5d91864da9c31 <<'END_OF_RECORD'
node_exporter 
cHJvbWV0aGV1cy1ub2RlLWV4cG9ydGVyLnNlcnZpY2UgcnVucw==
7
undo_started prometheus-node-exporter.service
END_OF_RECORD
apply_started prometheus-node-exporter.service 60d94efd8a33ebe9e2143b5ff8bf4c3b0578e255bdb16c670a091c88906c8a2d
