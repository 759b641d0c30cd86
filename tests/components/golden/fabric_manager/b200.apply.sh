record 3758e6e01802f285ac05e106d0a1b8c8 <<'END_OF_RECORD'
fabric_manager 
L2V0Yy9tb2R1bGVzLWxvYWQuZC9jbHVzdHItZmFicmljLW1hbmFnZXIuY29uZg==
0
restore_file /etc/modules-load.d/clustr-fabric-manager.conf
END_OF_RECORD
apply_file /etc/modules-load.d/clustr-fabric-manager.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
mlx5_core
ib_umad
END_OF_FILE_BY_CLUSTR

apply_module mlx5_core /sys/bus/pci/drivers/mlx5_core

apply_module ib_umad /sys/class/infiniband_mad

record 8467127b758f781eb9cbf0d0ea77176a <<'END_OF_RECORD'
fabric_manager 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtZmFicmljbWFuYWdlci5zZXJ2aWNlLmQvNTAtY2x1c3RyLmNvbmY=
3
restore_file /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-fabricmanager.service /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf
END_OF_FILE_BY_CLUSTR

record b0f0b3b45cbe884766a192f134bbf462 <<'END_OF_RECORD'
fabric_manager 
bnZpZGlhLWZhYnJpY21hbmFnZXIuc2VydmljZSBhdCBib290
4
undo_enabled nvidia-fabricmanager.service
END_OF_RECORD
apply_enabled nvidia-fabricmanager.service enabled

record 4133bc8363cad56f22abf24a966c0f7f <<'END_OF_RECORD'
fabric_manager 
bnZpZGlhLWZhYnJpY21hbmFnZXIuc2VydmljZSBydW5z
5
undo_started nvidia-fabricmanager.service
END_OF_RECORD
apply_started nvidia-fabricmanager.service 35f2e57053c1fa48478e7217cba4f9ec0df0ff4d3f943d1a65021b617a832f9a
