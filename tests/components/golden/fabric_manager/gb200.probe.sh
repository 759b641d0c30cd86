# /etc/nvidia-imex/nodes_config.cfg: 0644 root:root | 10.0.0.21
probe_file /etc/nvidia-imex/nodes_config.cfg

# /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-imex.service /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf /etc/nvidia-imex/nodes_config.cfg
probe_file /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf

# nvidia-imex.service at boot: enabled
probe_enabled nvidia-imex.service

# nvidia-imex.service runs: runs with its present files
probe_started nvidia-imex.service 4440bab914826a80564bc2960b3bcb6513ee3513454a24220a6a8e41d45e4195
