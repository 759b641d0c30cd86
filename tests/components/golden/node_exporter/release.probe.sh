# release node_exporter: 1.9.1
probe_tarball node_exporter 5555555555555555555555555555555555555555555555555555555555555555 1.9.1

# user prometheus: there
if getent passwd prometheus >/dev/null; then echo there; else echo absent; fi

# /etc/default/prometheus-node-exporter: 0644 root:root | # Written by clustr. | ARGS="--web.listen-address=10.0.0.31:9100 --collector.textfile.directory=/var/lib/prometheus/node-exporter --collector.systemd --collector.systemd.unit-include=.+[.]service"
probe_file /etc/default/prometheus-node-exporter

# /etc/systemd/system/prometheus-node-exporter.service: 0644 root:root | # Written by clustr. | [Unit] | Description=node_exporter, of the release |  | [Service] | User=prometheus | EnvironmentFile=/etc/default/prometheus-node-exporter | ExecStart=/usr/local/bin/node_exporter $ARGS | ExecReload=/bin/kill -HUP $MAINPID | StateDirectory=prometheus prometheus/node-exporter | WorkingDirectory=/var/lib/prometheus | NoNewPrivileges=yes | ProtectSystem=full | LimitNOFILE=65536 |  | [Install] | WantedBy=multi-user.target
probe_file /etc/systemd/system/prometheus-node-exporter.service

# /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf: 0644 root:root | # Written by clustr. It listens on the internal address, which may come up after the unit's turn. | [Unit] | Wants=network-online.target | After=network-online.target | StartLimitIntervalSec=0 |  | [Service] | Restart=on-failure | RestartSec=5s
probe_file /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf

# /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf /etc/default/prometheus-node-exporter /etc/systemd/system/prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf /usr/local/lib/clustr/node_exporter.release
probe_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf

# prometheus-node-exporter.service at boot: enabled
probe_enabled prometheus-node-exporter.service

# prometheus-node-exporter.service runs: runs with its present files
probe_started prometheus-node-exporter.service 60d94efd8a33ebe9e2143b5ff8bf4c3b0578e255bdb16c670a091c88906c8a2d
