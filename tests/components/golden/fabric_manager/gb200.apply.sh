record 2b587c58abd5c7c6fa09177d12d43042 <<'END_OF_RECORD'
fabric_manager 
L2V0Yy9udmlkaWEtaW1leC9ub2Rlc19jb25maWcuY2Zn
0
restore_file /etc/nvidia-imex/nodes_config.cfg
END_OF_RECORD
apply_file /etc/nvidia-imex/nodes_config.cfg 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
10.0.0.21
END_OF_FILE_BY_CLUSTR

record 800c32a8568619676bbcb6b9c26c1a2e <<'END_OF_RECORD'
fabric_manager 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtaW1leC5zZXJ2aWNlLmQvNTAtY2x1c3RyLmNvbmY=
1
restore_file /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-imex.service /etc/systemd/system/nvidia-imex.service.d/50-clustr.conf /etc/nvidia-imex/nodes_config.cfg
END_OF_FILE_BY_CLUSTR

record 369e9c2ea0ab8fb7bceadf3f2af1e007 <<'END_OF_RECORD'
fabric_manager 
bnZpZGlhLWltZXguc2VydmljZSBhdCBib290
2
undo_enabled nvidia-imex.service
END_OF_RECORD
apply_enabled nvidia-imex.service enabled

record 78b719987bf7aa4edeee4221d3906882 <<'END_OF_RECORD'
fabric_manager 
bnZpZGlhLWltZXguc2VydmljZSBydW5z
3
undo_started nvidia-imex.service
END_OF_RECORD
apply_started nvidia-imex.service 4440bab914826a80564bc2960b3bcb6513ee3513454a24220a6a8e41d45e4195
