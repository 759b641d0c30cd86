#!/bin/bash
# Turns a fresh Debian root file system into the image of lab nodes.
# $1: the root file system; $2: the folder of files that go into it.
set -Eeuo pipefail
root=$1 files=$2

# Each node brings its own keys and its own identity.
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"

# sshd looks for it at each login, and complains where there is none.
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"

mv "$root"/etc/apt/sources.list.d/*debian.sources "$root/etc/apt/sources.list.d/debian.sources"
install -D -m 0755 "$files/as-a-machine" "$root/usr/local/lib/clustr-lab/as-a-machine"
install -D -m 0644 "$files/clustr-lab.service" "$root/etc/systemd/system/clustr-lab.service"
install -D -m 0644 "$files/chrony.env" "$root/usr/local/lib/clustr-lab/chrony.env"
install -D -m 0644 "$files/chrony.conf" "$root/etc/systemd/system/chrony.service.d/clustr-lab.conf"

shopt -s nullglob
for certificate in /usr/local/share/ca-certificates/*.crt; do
  install -D -m 0644 "$certificate" "$root/usr/local/share/ca-certificates/${certificate##*/}"
done

chroot "$root" /bin/bash -Eeuo pipefail <<'IN_THE_IMAGE'
update-ca-certificates >/dev/null 2>&1
useradd --create-home --shell /bin/bash --uid 1000 lab
systemctl --quiet enable systemd-networkd.service clustr-lab.service ssh.service
# There is no fstab to remount, and no terminal to log in at.
systemctl --quiet mask systemd-remount-fs.service console-getty.service
# What runs at a random hour would change files under a test that compares them.
systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer
for timer in dpkg-db-backup.timer e2scrub_all.timer; do
  if systemctl --quiet is-enabled "$timer" 2>/dev/null; then systemctl --quiet disable "$timer"; fi
done
IN_THE_IMAGE
