#!/usr/bin/env bash
# Builds what rides inside the binary: programs (bin/), iptables for machines that have none (bin/aux/), their libraries
# (lib/), and images (images/*.tar). Usage: payload.sh OUTFILE, with GO naming the go command. Sourced by nothing.
set -euo pipefail

readonly containerd=v2.2.9 crictl=v1.37.0 kine=v0.17.5 coredns=v1.12.0 local_path=v0.0.30
# Of clustr's manifest: templates/device_plugin.
readonly device_plugin=nvcr.io/nvidia/k8s-device-plugin:v0.20.1
readonly debian_packages=(runc containernetworking-plugins iptables libxtables12 libnftnl11 libmnl0 libip4tc2 libip6tc2
  libseccomp2 busybox-static)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

say() { printf '  %s\n' "$*" >&2; }

# install_go WORK PACKAGE@VERSION...: static programs into WORK/go/
install_go() {
  local work=$1 start=$SECONDS
  shift
  say "building $*"
  (cd "$work" && GOBIN=$work/go GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0 \
    "$GO" install -trimpath -ldflags '-s -w' "$@")
  say "  done in $((SECONDS - start)) s"
}

programs() {
  local work=$1 module=github.com/containerd/containerd/v2
  install_go "$work" "$module"/cmd/{containerd,containerd-shim-runc-v2,ctr}@"$containerd"
  install_go "$work" "sigs.k8s.io/cri-tools/cmd/crictl@$crictl"
  install_go "$work" "github.com/k3s-io/kine@$kine"
  install_go "$work" "github.com/coredns/coredns@$coredns"
  install_go "$work" "github.com/rancher/local-path-provisioner@$local_path"
  say 'building pause and the device plugin'
  (cd "$here" && GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0 \
    "$GO" build -trimpath -ldflags '-s -w' -o "$work/go/" ./cmd/pause ./cmd/device-plugin)
}

debian() {
  local work=$1 package
  say "fetching ${debian_packages[*]}"
  mkdir -p "$work/debs" "$work/debian"
  (cd "$work/debs" && apt-get -qq -o APT::Sandbox::User=root download "${debian_packages[@]}")
  for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/debian"
  done
}

# wrapper FILE LIBRARIES PROGRAM [WORD]: runs PROGRAM, both below the payload's root, with our libraries
wrapper() {
  local file=$1 up=$2 program=$3 word=${4:-}
  cat >"$file" <<EOF
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")/$up
LD_LIBRARY_PATH=\$here/lib XTABLES_LIBDIR=\$here/lib/xtables exec "\$here/$program" $word "\$@"
EOF
  chmod 755 "$file"
}

layout() {
  local work=$1 root=$1/root debian=$1/debian name
  mkdir -p "$root"/{bin/aux,lib,images}
  for name in containerd containerd-shim-runc-v2 ctr crictl kine; do
    cp "$work/go/$name" "$root/bin/"
  done
  for name in bridge host-local loopback portmap bandwidth firewall host-device ipvlan macvlan ptp static tuning vlan; do
    cp "$debian/usr/lib/cni/$name" "$root/bin/"
  done
  cp -L "$debian"/usr/lib/x86_64-linux-gnu/lib{xtables.so.12,nftnl.so.11,mnl.so.0,ip4tc.so.2,ip6tc.so.2,seccomp.so.2} \
    "$root/lib/"
  cp -r "$debian/usr/lib/x86_64-linux-gnu/xtables" "$root/lib/"
  cp "$debian/usr/sbin/runc" "$debian/usr/sbin/xtables-nft-multi" "$root/lib/"
  wrapper "$root/bin/runc" .. lib/runc
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    wrapper "$root/bin/aux/$name" ../.. lib/xtables-nft-multi "$name"
  done
}

# image WORK NAME ROOTFS CONFIG TAG...: one image with one layer, laid into WORK/archive/ as docker save lays it out
image() {
  local archive=$1/archive name=$2 rootfs=$3 config=$4 tags
  shift 4
  mkdir -p "$archive"
  tar -C "$rootfs" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$archive/$name.tar" .
  printf '{"architecture":"amd64","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$config" "$(sha256sum "$archive/$name.tar" | cut -d' ' -f1)" >"$archive/$name.json"
  tags=$(printf '"%s",' "$@")
  printf '{"Config":"%s.json","RepoTags":[%s],"Layers":["%s.tar"]}\n' "$name" "${tags%,}" "$name" >>"$archive/images"
}

# archive WORK: all images as one archive, named as k3s's release names it
archive() {
  local archive=$1/archive
  printf '[%s]' "$(paste -sd, "$archive/images")" >"$archive/manifest.json"
  rm "$archive/images"
  (cd "$archive" && tar --sort=name --mtime=@0 --owner=0 --group=0 -cf "$1/root/images/k3s-airgap-images-amd64.tar" \
    manifest.json --exclude=./manifest.json ./*.json ./*.tar)
}

# entry PROGRAM: an image's configuration that starts it; the label says what the image is
entry() {
  printf '{"Entrypoint":["%s"],"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Labels":{"stand-in":"made for tests"}}' "$1"
}

single() {
  local work=$1 program=$2 rootfs=$1/images/$2
  shift 2
  mkdir -p "$rootfs/bin" "$rootfs/etc" "$rootfs/tmp"
  cp "$work/go/$program" "$rootfs/bin/"
  image "$work" "$program" "$rootfs" "$(entry "/bin/$program")" "$@"
}

busybox() {
  local work=$1 rootfs=$1/images/busybox applet
  mkdir -p "$rootfs"/{bin,etc,tmp,root,www,var/run}
  chmod 1777 "$rootfs/tmp"
  cp "$work/debian/bin/busybox" "$rootfs/bin/"
  while read -r applet; do
    [[ $applet == busybox ]] || ln -s busybox "$rootfs/bin/$applet"
  done < <("$work/debian/bin/busybox" --list)
  echo 'root:x:0:0:root:/root:/bin/sh' >"$rootfs/etc/passwd"
  echo 'root:x:0:' >"$rootfs/etc/group"
  image "$work" busybox "$rootfs" \
    '{"Cmd":["sh"],"Env":["PATH=/bin"],"Labels":{"stand-in":"made for tests"}}' \
    busybox:lab rancher/mirrored-library-busybox:1.37.0
}

# device_plugin: the name and the programs of NVIDIA's image, and a shell, for the nvidia-smi that the runtime puts there
device_plugin() {
  local work=$1 rootfs=$1/images/device-plugin name
  mkdir -p "$rootfs"/{bin,etc,tmp,usr/bin}
  cp "$work/debian/bin/busybox" "$rootfs/bin/"
  for name in sh cat grep sed ls; do ln -s busybox "$rootfs/bin/$name"; done
  cp "$work/go/device-plugin" "$rootfs/usr/bin/nvidia-device-plugin"
  image "$work" device-plugin "$rootfs" "$(entry /usr/bin/nvidia-device-plugin)" "$device_plugin"
}

main() {
  local out=$1 work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf '$work'" EXIT
  debian "$work"
  programs "$work"
  layout "$work"
  single "$work" pause rancher/mirrored-pause:3.6
  single "$work" coredns rancher/mirrored-coredns-coredns:1.12.0
  single "$work" local-path-provisioner "rancher/local-path-provisioner:$local_path"
  busybox "$work"
  device_plugin "$work"
  archive "$work"
  say 'packing'
  tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 -cf - . | gzip -n -6 >"$out.part"
  mv "$out.part" "$out"
}

main "$@"
