# packages of docker: docker.io held | docker-compose held | containerd held | runc held
probe_packages --hold docker.io docker-compose containerd runc

# /etc/docker/daemon.json: 0644 root:root | { |   "exec-opts": ["native.cgroupdriver=cgroupfs"], |   "live-restore": true, |   "log-driver": "json-file", |   "log-opts": {"max-file": "5", "max-size": "50m"} | }
probe_file /etc/docker/daemon.json

# /etc/systemd/system/docker.service.d/50-clustr.conf: 0644 root:root | # Written by clustr. Records at each start which files this unit was started with. | [Service] | ExecStartPre=-+/usr/local/lib/clustr/record-start docker.service /etc/systemd/system/docker.service.d/50-clustr.conf /etc/docker/daemon.json
probe_file /etc/systemd/system/docker.service.d/50-clustr.conf

# docker.service at boot: enabled
probe_enabled docker.service

# docker.service runs: runs with its present files
probe_started docker.service 264a1a11a89526cd47fbbf3689439e767365ffc63c65ed1961dcf389d742b6b1
