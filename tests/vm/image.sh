#!/usr/bin/env bash
# image.sh KEY OUT: a Debian 12 disk with a kernel of its own, which root logs in to with the public key in KEY.
# OUT gets disk.img, vmlinuz and initrd.img. Built in a folder of its own, so that OUT is there whole or not at all.
set -Eeuo pipefail
key=$1 out=$2
umask 022
draft=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf --one-file-system "$draft"' EXIT
root=$draft/root

packages=systemd,systemd-sysv,libpam-systemd,udev,dbus,openssh-server,sudo,ca-certificates,curl,iproute2,kmod,procps
# The flavour for any machine: the cloud flavour has no nouveau.
packages+=,linux-image-amd64,initramfs-tools
sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] || sources=/etc/apt/sources.list
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --skip=cleanup/apt/lists \
  bookworm "$root" "$sources"

echo LANG=C.UTF-8 >"$root/etc/default/locale"
echo vm1 >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 vm1\n' >"$root/etc/hosts"
printf '/dev/vda / ext4 errors=remount-ro 0 1\n' >"$root/etc/fstab"
printf '[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/20-wired.network"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf" # QEMU's own, which asks this machine's
echo nouveau >"$root/etc/modules-load.d/nouveau.conf" # as a machine with a GPU has it after a fresh install
install -D -m 0600 "$key" "$root/root/.ssh/authorized_keys"
systemctl --quiet --root="$root" enable systemd-networkd.service ssh.service
systemctl --quiet --root="$root" disable apt-daily.timer apt-daily-upgrade.timer

cp "$root"/boot/vmlinuz-* "$draft/vmlinuz"
cp "$root"/boot/initrd.img-* "$draft/initrd.img"
mke2fs -q -t ext4 -d "$root" "$draft/disk.img" 6G
rm -rf --one-file-system "$root"
mv -T "$draft" "$out"
trap - EXIT
