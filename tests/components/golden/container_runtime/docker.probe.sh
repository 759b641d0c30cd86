# packages of docker: docker.io held | docker-compose held | containerd held | runc held
probe_packages --hold docker.io docker-compose containerd runc

# /etc/docker/daemon.json: 0644 root:root | { |   "exec-opts": ["native.cgroupdriver=cgroupfs"], |   "live-restore": true, |   "log-driver": "json-file", |   "log-opts": {"max-file": "5", "max-size": "50m"} | }
probe_file /etc/docker/daemon.json

# /etc/systemd/system/docker.service.d/zz-clustr-umask.conf: 0644 root:root | # Written by clustr. Last by its name: what this unit makes is read by others, whatever umask services have here. | [Service] | UMask=0022
probe_file /etc/systemd/system/docker.service.d/zz-clustr-umask.conf

# /etc/systemd/system/docker.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/sbin/clustr-record-start docker.service /etc/systemd/system/docker.service.d/50-clustr.conf /etc/docker/daemon.json /etc/systemd/system/docker.service.d/zz-clustr-umask.conf
probe_file /etc/systemd/system/docker.service.d/50-clustr.conf

# docker.service at boot: enabled
probe_enabled docker.service

# docker.service runs: runs with its present files
probe_started docker.service 4a8e35dc41b2042f4a31090021716aa0bc91e0d961b600786c5569ac5ac3ea67
