# package prometheus-node-exporter: installed
probe_packages prometheus-node-exporter

# /etc/default/prometheus-node-exporter: 0644 root:root | # Written by clustr. | ARGS="--web.listen-address=10.0.0.21:9100 --collector.textfile.directory=/var/lib/prometheus/node-exporter --collector.systemd --collector.systemd.unit-include=.+[.]service"
probe_file /etc/default/prometheus-node-exporter

# /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf: 0644 root:root | # Written by clustr. It listens on the internal address, which may come up after the unit's turn. | [Unit] | Wants=network-online.target | After=network-online.target | StartLimitIntervalSec=0 |  | [Service] | Restart=on-failure | RestartSec=5s
probe_file /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf

# /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-node-exporter.service /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf /etc/default/prometheus-node-exporter /etc/systemd/system/prometheus-node-exporter.service.d/40-network.conf
probe_file /etc/systemd/system/prometheus-node-exporter.service.d/50-clustr.conf

# prometheus-node-exporter.service at boot: enabled
probe_enabled prometheus-node-exporter.service

# prometheus-node-exporter.service runs: runs with its present files
probe_started prometheus-node-exporter.service 73c7ee5a456fd24150446960883b921b3ed4c53f4a68c3b02a8e1e1e901e1341
