# /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-fabricmanager.service /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf
probe_file /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf

# nvidia-fabricmanager.service at boot: enabled
probe_enabled nvidia-fabricmanager.service

# nvidia-fabricmanager.service runs: runs with its present files
probe_started nvidia-fabricmanager.service 35f2e57053c1fa48478e7217cba4f9ec0df0ff4d3f943d1a65021b617a832f9a
