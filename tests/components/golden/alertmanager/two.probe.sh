# package prometheus-alertmanager: installed
probe_packages prometheus-alertmanager

# /etc/prometheus/alertmanager.yml: 0640 root:prometheus | # Written by clustr. | route: |   receiver: inventory |   group_by: [alertname] |   group_wait: 30s |   group_interval: 5m |   repeat_interval: 4h |  | receivers: |   - name: inventory |  | # A node that is down says so once, and not by everything that it no longer answers. | inhibit_rules: |   - source_matchers: [alertname = NodeDown] |     target_matchers: [alertname != NodeDown] |     equal: [node]
probe_file /etc/prometheus/alertmanager.yml

# /etc/default/prometheus-alertmanager: 0644 root:root | # Written by clustr. | ARGS="--web.listen-address=10.0.0.32:9093 --config.file=/etc/prometheus/alertmanager.yml --storage.path=/var/lib/prometheus/alertmanager --cluster.listen-address=10.0.0.32:9094 --cluster.peer=10.0.0.31:9094"
probe_file /etc/default/prometheus-alertmanager

# /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf: 0644 root:root | # Written by clustr. It listens on the internal address, which may come up after the unit's turn. | [Unit] | Wants=network-online.target | After=network-online.target | StartLimitIntervalSec=0 |  | [Service] | Restart=on-failure | RestartSec=5s
probe_file /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf

# /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-alertmanager.service /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf /etc/prometheus/alertmanager.yml /etc/default/prometheus-alertmanager /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf
probe_file /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf

# prometheus-alertmanager.service at boot: enabled
probe_enabled prometheus-alertmanager.service

# prometheus-alertmanager.service runs: runs with its present files
probe_started prometheus-alertmanager.service 81dedf97b1dca584ae982d7bb857e7d4416da8c9100ef790467d4d035e272f08
