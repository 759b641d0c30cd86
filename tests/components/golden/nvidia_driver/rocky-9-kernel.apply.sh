record 8dc50fe9444b9c0076dc8201f50dfb76 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9wa2kvcnBtLWdwZy9SUE0tR1BHLUtFWS1jbHVzdHItbnZpZGlh
0
rm -f -- /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia
END_OF_RECORD
apply_key /etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia https://developer.download.nvidia.com/compute/cuda/repos/rhel9/x86_64/D42D0685.pub 610C7B14E068A878070DA4E99CD0A493D42D0685

record 964ace5b97a60600b20363127531875f <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy95dW0ucmVwb3MuZC9jbHVzdHItbnZpZGlhLnJlcG8=
1
restore_file /etc/yum.repos.d/clustr-nvidia.repo
END_OF_RECORD
apply_file /etc/yum.repos.d/clustr-nvidia.repo 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
[clustr-nvidia]
name=NVIDIA CUDA
baseurl=https://developer.download.nvidia.com/compute/cuda/repos/rhel9/x86_64
enabled=1
gpgcheck=1
# Its packages are signed, its lists are not everywhere.
repo_gpgcheck=0
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-clustr-nvidia
END_OF_FILE_BY_CLUSTR

record ddf125691742658c2ce7de8d717ad12f <<'END_OF_RECORD'
nvidia_driver 
a2VybmVsIDUuMTQuMC02MTEuNS4xLmVsOV83Lng4Nl82NA==
2
# stays: dnf remove kernel-5.14.0-611.5.1.el9_7.x86_64 kernel-devel-5.14.0-611.5.1.el9_7.x86_64
END_OF_RECORD
apply_packages kernel-5.14.0-611.5.1.el9_7.x86_64 kernel-devel-5.14.0-611.5.1.el9_7.x86_64

record 6ec58171208d9580ffab89f176c36187 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9tb2Rwcm9iZS5kL2NsdXN0ci1ub3V2ZWF1LmNvbmY=
3
restore_file /etc/modprobe.d/clustr-nouveau.conf
END_OF_RECORD
apply_file /etc/modprobe.d/clustr-nouveau.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr: GPUs are NVIDIA's driver's. nova_core is what follows nouveau (https://docs.kernel.org/gpu/nova).
blacklist nouveau
blacklist nova_core
options nouveau modeset=0
END_OF_FILE_BY_CLUSTR

record acc7b796baa8501d477cf7d729d53736 <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9kcmFjdXQuY29uZi5kL2NsdXN0ci1ub3V2ZWF1LmNvbmY=
4
restore_file /etc/dracut.conf.d/clustr-nouveau.conf
END_OF_RECORD
apply_file /etc/dracut.conf.d/clustr-nouveau.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr.
omit_drivers+=" nouveau nova_core "
END_OF_FILE_BY_CLUSTR

nvidia_driver_apply_initramfs 5.14.0-611.5.1.el9_7.x86_64

record a12d2c038151cc101d23a10ee40bed4f <<'END_OF_RECORD'
nvidia_driver 
cGFja2FnZSBlcGVsLXJlbGVhc2UsIHdob3NlIHJlcG9zaXRvcnkgaGFzIGRrbXM=
6
# stays: dnf remove epel-release
END_OF_RECORD
apply_packages epel-release

record bcd895773c17e9048db64bfd6f172583 <<'END_OF_RECORD'
nvidia_driver 
REtNUyBhbmQga2VybmVsIGhlYWRlcnM=
7
# stays: dnf remove dkms kernel-devel-5.14.0-611.5.1.el9_7.x86_64
END_OF_RECORD
apply_packages dkms kernel-devel-5.14.0-611.5.1.el9_7.x86_64

record b78710f0a2b458180425175613d05b64 <<'END_OF_RECORD'
nvidia_driver 
ZHJpdmVy
8
# stays: dnf remove kmod-nvidia-open-dkms nvidia-driver-cuda nvidia-persistenced
END_OF_RECORD
nvidia_driver_apply_dnf 580 5.14.0-611.5.1.el9_7.x86_64 nvidia-driver:580-open '' kmod-nvidia-open-dkms nvidia-driver-cuda nvidia-persistenced

gpu_module_fits 580 open 5.14.0-611.5.1.el9_7.x86_64

:

record 11c80e644c9d4f82870064c8003ce56b <<'END_OF_RECORD'
nvidia_driver 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9udmlkaWEtcGVyc2lzdGVuY2VkLnNlcnZpY2UuZC81MC1jbHVzdHIuY29uZg==
11
restore_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start nvidia-persistenced.service /etc/systemd/system/nvidia-persistenced.service.d/50-clustr.conf
END_OF_FILE_BY_CLUSTR

record a5e035613d5bf48653f1aa41ab0d944d <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIGF0IGJvb3Q=
12
undo_enabled nvidia-persistenced.service
END_OF_RECORD
nvidia_driver_apply_at_boot nvidia-persistenced.service

record 299818697f22732a856a8d9fe296ba2f <<'END_OF_RECORD'
nvidia_driver 
bnZpZGlhLXBlcnNpc3RlbmNlZC5zZXJ2aWNlIHJ1bnM=
13
undo_started nvidia-persistenced.service
END_OF_RECORD
apply_started nvidia-persistenced.service a90b5f2651d80e6ee57ca9805e5b92b5d822276eec04607a86746af46b02b238
