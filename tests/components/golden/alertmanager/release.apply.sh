record ba64c4214daabd0f98a2be214df15b25 <<'END_OF_RECORD'
alertmanager 
cmVsZWFzZSBhbGVydG1hbmFnZXI=
0
undo_tarball alertmanager alertmanager amtool
END_OF_RECORD
apply_tarball alertmanager 5555555555555555555555555555555555555555555555555555555555555555 https://github.com/prometheus/alertmanager/releases/download/v0.28.1/alertmanager-0.28.1.linux-amd64.tar.gz alertmanager amtool

record db5b051a7655a8b582b14dbd205381db <<'END_OF_RECORD'
alertmanager 
dXNlciBwcm9tZXRoZXVz
1
# stays: userdel prometheus
END_OF_RECORD
if ! getent passwd prometheus >/dev/null; then useradd --system --user-group --home-dir /var/lib/prometheus --no-create-home --shell /usr/sbin/nologin prometheus; fi

record aba953d279a0f2dc5f47dc68e82399ad <<'END_OF_RECORD'
alertmanager 
L2V0Yy9wcm9tZXRoZXVzL2FsZXJ0bWFuYWdlci55bWw=
2
restore_file /etc/prometheus/alertmanager.yml
END_OF_RECORD
apply_file /etc/prometheus/alertmanager.yml 0640 root:prometheus 'amtool check-config' <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
route:
  receiver: inventory
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h

receivers:
  - name: inventory
    webhook_configs:
      - url: "https://hooks.example.com/a?b=c"
      - url: "http://10.0.0.9:9095/"

# A node that is down says so once, and not by everything that it no longer answers.
inhibit_rules:
  - source_matchers: [alertname = NodeDown]
    target_matchers: [alertname != NodeDown]
    equal: [node]
END_OF_FILE_BY_CLUSTR

record 859ba4c2b8db722ba72e10f40f293f40 <<'END_OF_RECORD'
alertmanager 
L2V0Yy9kZWZhdWx0L3Byb21ldGhldXMtYWxlcnRtYW5hZ2Vy
3
restore_file /etc/default/prometheus-alertmanager
END_OF_RECORD
apply_file /etc/default/prometheus-alertmanager 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
ARGS="--web.listen-address=10.0.0.31:9093 --config.file=/etc/prometheus/alertmanager.yml --storage.path=/var/lib/prometheus/alertmanager --cluster.listen-address="
END_OF_FILE_BY_CLUSTR

record 0a791e7f525667fd7643e03bb657012d <<'END_OF_RECORD'
alertmanager 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLWFsZXJ0bWFuYWdlci5zZXJ2aWNl
4
restore_file /etc/systemd/system/prometheus-alertmanager.service
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-alertmanager.service 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[Unit]
Description=alertmanager, of the release

[Service]
User=prometheus
EnvironmentFile=/etc/default/prometheus-alertmanager
ExecStart=/usr/local/bin/alertmanager $ARGS
ExecReload=/bin/kill -HUP $MAINPID
StateDirectory=prometheus prometheus/node-exporter
WorkingDirectory=/var/lib/prometheus
NoNewPrivileges=yes
ProtectSystem=full
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
END_OF_FILE_BY_CLUSTR

record bccc320eb09541a09f8db5377b70d8b1 <<'END_OF_RECORD'
alertmanager 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLWFsZXJ0bWFuYWdlci5zZXJ2aWNlLmQvNDAtbmV0d29yay5jb25m
5
restore_file /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. It listens on the internal address, which may come up after the unit's turn.
[Unit]
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5s
END_OF_FILE_BY_CLUSTR

record c0a506cea88a0e73b98ef63d3e81512d <<'END_OF_RECORD'
alertmanager 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9wcm9tZXRoZXVzLWFsZXJ0bWFuYWdlci5zZXJ2aWNlLmQvNTAtY2x1c3RyLmNvbmY=
6
restore_file /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start prometheus-alertmanager.service /etc/systemd/system/prometheus-alertmanager.service.d/50-clustr.conf /etc/prometheus/alertmanager.yml /etc/default/prometheus-alertmanager /etc/systemd/system/prometheus-alertmanager.service /etc/systemd/system/prometheus-alertmanager.service.d/40-network.conf /usr/local/lib/clustr/alertmanager.release
END_OF_FILE_BY_CLUSTR

record 9874a4009cd6ffe0cbc6b1cde42c27fb <<'END_OF_RECORD'
alertmanager 
cHJvbWV0aGV1cy1hbGVydG1hbmFnZXIuc2VydmljZSBhdCBib290
7
undo_enabled prometheus-alertmanager.service
END_OF_RECORD
apply_enabled prometheus-alertmanager.service enabled

record f3a618125d1a33353ab88408e4946c58 <<'END_OF_RECORD'
alertmanager 
cHJvbWV0aGV1cy1hbGVydG1hbmFnZXIuc2VydmljZSBydW5z
8
undo_started prometheus-alertmanager.service
END_OF_RECORD
apply_started prometheus-alertmanager.service df8dc5ec20b3472849b316e731142622979b7744541e76508348c7101674f954
