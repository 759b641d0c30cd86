record 26cb2f18234d593fae74a6c179d3ca99 <<'END_OF_RECORD'
container_runtime 
cGFja2FnZXMgb2YgZG9ja2Vy
0
# stays: apt-get remove docker.io docker-compose containerd runc
END_OF_RECORD
apply_packages --hold docker.io docker-compose containerd runc

record c1b0a0f7ce2d1647411331c719860677 <<'END_OF_RECORD'
container_runtime 
L2V0Yy9kb2NrZXIvZGFlbW9uLmpzb24=
1
restore_file /etc/docker/daemon.json
END_OF_RECORD
apply_file /etc/docker/daemon.json 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
{
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "live-restore": true,
  "log-driver": "json-file",
  "log-opts": {"max-file": "5", "max-size": "50m"}
}
END_OF_FILE_BY_CLUSTR

record 4aa9d270b0018ae0dee158d3c8400db4 <<'END_OF_RECORD'
container_runtime 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9kb2NrZXIuc2VydmljZS5kL3p6LWNsdXN0ci11bWFzay5jb25m
2
restore_file /etc/systemd/system/docker.service.d/zz-clustr-umask.conf
END_OF_RECORD
apply_file /etc/systemd/system/docker.service.d/zz-clustr-umask.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here.
[Service]
UMask=0022
END_OF_FILE_BY_CLUSTR

record b336095edfd56e985791813450308ed1 <<'END_OF_RECORD'
container_runtime 
L2V0Yy9zeXN0ZW1kL3N5c3RlbS9kb2NrZXIuc2VydmljZS5kLzUwLWNsdXN0ci5jb25m
3
restore_file /etc/systemd/system/docker.service.d/50-clustr.conf
END_OF_RECORD
apply_file /etc/systemd/system/docker.service.d/50-clustr.conf 0644 root:root <<'END_OF_FILE_BY_CLUSTR'
# Written by clustr. Records at each start which files this unit was started with.
[Service]
ExecStartPre=-+/usr/local/sbin/clustr-record-start docker.service /etc/systemd/system/docker.service.d/50-clustr.conf /etc/docker/daemon.json /etc/systemd/system/docker.service.d/zz-clustr-umask.conf
END_OF_FILE_BY_CLUSTR

record 80e61c97bfc89cc9123aae38682516cc <<'END_OF_RECORD'
container_runtime 
ZG9ja2VyLnNlcnZpY2UgYXQgYm9vdA==
4
undo_enabled docker.service
END_OF_RECORD
apply_enabled docker.service enabled

record 496e03756c4bd44dce07c1da46765e57 <<'END_OF_RECORD'
container_runtime 
ZG9ja2VyLnNlcnZpY2UgcnVucw==
5
undo_started docker.service
END_OF_RECORD
apply_started docker.service 4a8e35dc41b2042f4a31090021716aa0bc91e0d961b600786c5569ac5ac3ea67
