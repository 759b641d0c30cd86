dcgm_remove_old

record 162558f6bba0b4f3fb4b16fb7e2da349 <<'END_OF_RECORD'
dcgm 
cGFja2FnZXMgb2YgRENHTQ==
1
# stays: apt-get remove datacenter-gpu-manager-4-core datacenter-gpu-manager-4-cuda13 datacenter-gpu-manager-4-proprietary datacenter-gpu-manager-4-proprietary-cuda13 datacenter-gpu-manager-exporter
END_OF_RECORD
apply_packages --hold datacenter-gpu-manager-4-core datacenter-gpu-manager-4-cuda13 datacenter-gpu-manager-4-proprietary datacenter-gpu-manager-4-proprietary-cuda13 datacenter-gpu-manager-exporter

record ecd69128c0e8d2bce76acb92c277ec0f <<'END_OF_RECORD'
dcgm 
L2V0Yy9kY2dtLWV4cG9ydGVyL2NsdXN0ci00LjguY3N2
2
restore_file /etc/dcgm-exporter/clustr-4.8.csv
END_OF_RECORD
apply_file /etc/dcgm-exporter/clustr-4.8.csv 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. DCGM field, type, help; in the words of dcgm-exporter up to 4.8. Its alert rules go with it.
DCGM_FI_DRIVER_VERSION, label, Driver version.
DCGM_FI_DEV_SM_CLOCK, gauge, SM clock frequency (in MHz).
DCGM_FI_DEV_MAX_SM_CLOCK, gauge, Maximum SM clock frequency (in MHz).
DCGM_FI_DEV_MEM_CLOCK, gauge, Memory clock frequency (in MHz).
DCGM_FI_DEV_GPU_TEMP, gauge, GPU temperature (in C).
DCGM_FI_DEV_SLOWDOWN_TEMP, gauge, GPU temperature at which it slows down (in C).
DCGM_FI_DEV_MEMORY_TEMP, gauge, Memory temperature (in C).
DCGM_FI_DEV_POWER_USAGE, gauge, Power draw (in W).
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION, counter, Total energy consumption since boot (in mJ).
DCGM_FI_DEV_GPU_UTIL, gauge, GPU utilization (in %).
DCGM_FI_DEV_MEM_COPY_UTIL, gauge, Memory utilization (in %).
DCGM_FI_DEV_FB_FREE, gauge, Framebuffer memory free (in MiB).
DCGM_FI_DEV_FB_USED, gauge, Framebuffer memory used (in MiB).
DCGM_FI_DEV_FB_RESERVED, gauge, Framebuffer memory reserved (in MiB).
DCGM_FI_DEV_XID_ERRORS, gauge, Value of the last XID error encountered.
DCGM_FI_DEV_ECC_SBE_VOL_TOTAL, counter, Total number of single-bit volatile ECC errors.
DCGM_FI_DEV_ECC_DBE_VOL_TOTAL, counter, Total number of double-bit volatile ECC errors.
DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS, counter, Number of remapped rows for uncorrectable errors.
DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS, counter, Number of remapped rows for correctable errors.
DCGM_FI_DEV_ROW_REMAP_FAILURE, gauge, Whether remapping of rows has failed.
DCGM_FI_DEV_ROW_REMAP_PENDING, gauge, Whether remapping of rows waits for a reset.
DCGM_FI_DEV_PCIE_REPLAY_COUNTER, counter, Total number of PCIe retries.
DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL, counter, Total number of NVLink bandwidth counters for all lanes.
DCGM_FI_PROF_GR_ENGINE_ACTIVE, gauge, Ratio of time the graphics engine is active.
DCGM_FI_PROF_PIPE_TENSOR_ACTIVE, gauge, Ratio of cycles the tensor pipe is active.
DCGM_FI_PROF_DRAM_ACTIVE, gauge, Ratio of cycles the device memory interface is active.
DCGM_FI_PROF_PCIE_TX_BYTES, gauge, Rate of data transmitted over the PCIe bus (in bytes per second).
DCGM_FI_PROF_PCIE_RX_BYTES, gauge, Rate of data received over the PCIe bus (in bytes per second).
END_OF_FILE_BY_CLUSTR

record 2c8bc888c57c8a239450d87ead4820ed <<'END_OF_RECORD'
dcgm 
L2V0Yy9kY2dtLWV4cG9ydGVyL2NsdXN0ci00LjkuY3N2
3
restore_file /etc/dcgm-exporter/clustr-4.9.csv
END_OF_RECORD
apply_file /etc/dcgm-exporter/clustr-4.9.csv 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. DCGM field, type, help; in the words of dcgm-exporter from 4.9 on. Its alert rules go with it.
DCGM_FI_SYSTEM_DRIVER_VERSION, label, Driver version.
DCGM_FI_DEV_SM_CLOCK_HERTZ, gauge, SM clock frequency (in Hz).
DCGM_FI_DEV_SM_MAX_CLOCK_HERTZ, gauge, Maximum SM clock frequency (in Hz).
DCGM_FI_DEV_MEMORY_CLOCK_HERTZ, gauge, Memory clock frequency (in Hz).
DCGM_FI_DEV_GPU_TEMP_CELSIUS, gauge, GPU temperature (in C).
DCGM_FI_DEV_GPU_TEMP_SLOWDOWN_CELSIUS, gauge, GPU temperature at which it slows down (in C).
DCGM_FI_DEV_MEMORY_TEMP_CELSIUS, gauge, Memory temperature (in C).
DCGM_FI_DEV_BOARD_POWER_WATTS, gauge, Power draw (in W).
DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL, counter, Total energy consumption since boot (in J).
DCGM_FI_DEV_GPU_UTIL_RATIO, gauge, GPU utilization (0 to 1).
DCGM_FI_DEV_MEMORY_UTIL_RATIO, gauge, Memory utilization (0 to 1).
DCGM_FI_DEV_FB_CAPACITY_BYTES, gauge, Framebuffer memory (in bytes).
DCGM_FI_DEV_FB_FREE_BYTES, gauge, Framebuffer memory free (in bytes).
DCGM_FI_DEV_FB_USED_BYTES, gauge, Framebuffer memory used (in bytes).
DCGM_FI_DEV_FB_RESERVED_BYTES, gauge, Framebuffer memory reserved (in bytes).
DCGM_FI_DEV_XID_ERROR, gauge, Value of the last XID error encountered.
DCGM_FI_DEV_ECC_SBE_VOL_TOTAL, counter, Total number of single-bit volatile ECC errors.
DCGM_FI_DEV_ECC_DBE_VOL_TOTAL, counter, Total number of double-bit volatile ECC errors.
DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL, counter, Number of remapped rows for uncorrectable errors.
DCGM_FI_DEV_ROW_REMAP_CORRECTABLE_TOTAL, counter, Number of remapped rows for correctable errors.
DCGM_FI_DEV_ROW_REMAP_FAILED, gauge, Whether remapping of rows has failed.
DCGM_FI_DEV_ROW_REMAP_PENDING, gauge, Whether remapping of rows waits for a reset.
DCGM_FI_DEV_PCIE_REPLAY_TOTAL, counter, Total number of PCIe retries.
DCGM_FI_DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND, gauge, NVLink throughput of all lanes (in bytes per second).
DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO, gauge, Ratio of time the graphics engine is active.
DCGM_FI_PROF_TENSOR_UTIL_RATIO, gauge, Ratio of cycles the tensor pipe is active.
DCGM_FI_PROF_DRAM_UTIL_RATIO, gauge, Ratio of cycles the device memory interface is active.
DCGM_FI_PROF_PCIE_TX_BYTES, gauge, Rate of data transmitted over the PCIe bus (in bytes per second).
DCGM_FI_PROF_PCIE_RX_BYTES, gauge, Rate of data received over the PCIe bus (in bytes per second).
END_OF_FILE_BY_CLUSTR

record 1519e37874933f6880d63053fc232bb9 <<'END_OF_RECORD'
dcgm 
Y291bnRlcnMgb2YgdGhlIGV4cG9ydGVyJ3MgdmVyc2lvbg==
4
rm -f -- /etc/dcgm-exporter/clustr.csv
END_OF_RECORD
dcgm_apply_counters

record 8c104f67b2ffe38b066fde1f4a4d795d <<'END_OF_RECORD'
dcgm 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtZGNnbS1leHBvcnRlci5zZXJ2aWNlLmQvNDAtY2x1c3RyLmNvbmY=
5
restore_file /etc/systemd/system/nvidia-dcgm-exporter.service.d/40-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-dcgm-exporter.service.d/40-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. NVIDIA's unit listens everywhere, writes a log that nobody rotates, and stays down once it has ended.
[Unit]
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=
ExecStart=/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/clustr.csv -a 10.0.0.21:9400
StandardOutput=journal
StandardError=journal
Restart=on-failure
RestartSec=5s
END_OF_FILE_BY_CLUSTR

record a296fc8e457dcc068a581a23e006c463 <<'END_OF_RECORD'
dcgm 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtZGNnbS5zZXJ2aWNlLmQvNTAtY2x1c3RyLmNvbmY=
6
restore_file /etc/systemd/system/nvidia-dcgm.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-dcgm.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-dcgm.service /etc/systemd/system/nvidia-dcgm.service.d/50-clustr.conf
END_OF_FILE_BY_CLUSTR

record 4f891d9a1114de2a12b728e46a7c61a6 <<'END_OF_RECORD'
dcgm 
bnZpZGlhLWRjZ20uc2VydmljZSBhdCBib290
7
undo_enabled nvidia-dcgm.service
END_OF_RECORD
apply_enabled nvidia-dcgm.service enabled

record 9a0b28708c72b472912fc463e0539d7e <<'END_OF_RECORD'
dcgm 
bnZpZGlhLWRjZ20uc2VydmljZSBydW5z
8
undo_started nvidia-dcgm.service
END_OF_RECORD
apply_started nvidia-dcgm.service c0384f4734ea626fdb5d92ea6ee16fdf01a2d622788c0800865bf9b86054d238

record e8936b2444b2ac89126a0ffbe62eb552 <<'END_OF_RECORD'
dcgm 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtZGNnbS1leHBvcnRlci5zZXJ2aWNlLmQvNTAtY2x1c3RyLmNvbmY=
9
restore_file /etc/systemd/system/nvidia-dcgm-exporter.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-dcgm-exporter.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-dcgm-exporter.service /etc/systemd/system/nvidia-dcgm-exporter.service.d/50-clustr.conf /etc/systemd/system/nvidia-dcgm-exporter.service.d/40-clustr.conf
END_OF_FILE_BY_CLUSTR

record 3106e84cdf4c980d1d71fef55f1acf92 <<'END_OF_RECORD'
dcgm 
bnZpZGlhLWRjZ20tZXhwb3J0ZXIuc2VydmljZSBhdCBib290
10
undo_enabled nvidia-dcgm-exporter.service
END_OF_RECORD
apply_enabled nvidia-dcgm-exporter.service enabled

record 6c7265506b1d232efa1e4f33295d25f0 <<'END_OF_RECORD'
dcgm 
bnZpZGlhLWRjZ20tZXhwb3J0ZXIuc2VydmljZSBydW5z
11
undo_started nvidia-dcgm-exporter.service
END_OF_RECORD
apply_started nvidia-dcgm-exporter.service e82eb150fbb544231d700b3dc7654a4e6e1b609cf35bbcd1f0f691979b6ec45f
