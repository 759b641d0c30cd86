# /etc/modules-load.d/clustr-fabric-manager.conf: 0644 root:root | # Written by clustr. | mlx5_core | ib_umad
probe_file /etc/modules-load.d/clustr-fabric-manager.conf

# module mlx5_core: works
probe_module mlx5_core /sys/bus/pci/drivers/mlx5_core

# module ib_umad: works
probe_module ib_umad /sys/class/infiniband_mad

# /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-fabricmanager.service /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf
probe_file /etc/systemd/system/nvidia-fabricmanager.service.d/50-clustr.conf

# nvidia-fabricmanager.service at boot: enabled
probe_enabled nvidia-fabricmanager.service

# nvidia-fabricmanager.service runs: runs with its present files
probe_started nvidia-fabricmanager.service 35f2e57053c1fa48478e7217cba4f9ec0df0ff4d3f943d1a65021b617a832f9a
