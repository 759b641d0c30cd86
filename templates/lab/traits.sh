#!/bin/bash
# traits.sh LOGIN TRAIT...: makes of a fresh Debian what people's machines are. Runs in the node's file system before
# its first boot; LOGIN is the user whose way in it changes. What has to do with mounts is nspawn's part (nspawn.py).
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
umask 022
login=$1
home=$(getent passwd "$login" | cut -d: -f6)
shift

declare -A packages=([german]=locales [fish]=fish [tcsh]=tcsh [zsh]=zsh)

# install_packages TRAIT...: from the lists that came with the image, all at once.
install_packages() {
  local trait
  local -a wanted=()
  for trait in "$@"; do
    if [ -n "${packages[$trait]:-}" ]; then wanted+=("${packages[$trait]}"); fi
  done
  if [ "${#wanted[@]}" = 0 ]; then return; fi
  apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends -- "${wanted[@]}" >/dev/null
  apt-get clean
}

# sudoers NAME, the rules on stdin.
sudoers() {
  cat >"/etc/sudoers.d/$1"
  chmod 0440 "/etc/sudoers.d/$1"
  visudo --check --quiet
}

# sshd NAME, the settings on stdin.
sshd() {
  cat >"/etc/ssh/sshd_config.d/$1.conf"
}

# first_line FILE LINE: before anything that leaves the file early where nobody sits at a terminal.
first_line() {
  if [ -s "$1" ]; then sed -i "1i $2" "$1"; else echo "$2" >"$1"; fi
}

# CIS benchmarks, "ensure default user umask is configured", and the same for all that systemd starts (systemd.unit(5):
# service.d is every service's drop-in).
trait_umask() {
  local file
  sed -i 's/^UMASK.*/UMASK 027/; s/^USERGROUPS_ENAB.*/USERGROUPS_ENAB no/' /etc/login.defs
  for file in /etc/pam.d/common-session /etc/pam.d/common-session-noninteractive; do
    sed -i '/pam_umask/d' "$file"
    echo 'session optional pam_umask.so umask=0027' >>"$file"
  done
  for file in /etc/profile.d/umask.sh /etc/bash.bashrc /root/.bashrc "$home/.bashrc"; do
    first_line "$file" 'umask 027'
  done
  install -d /etc/systemd/system/service.d
  printf '[Service]\nUMask=0027\n' >/etc/systemd/system/service.d/umask.conf
}

trait_noexec() {
  : # nspawn.py
}

trait_no-sftp() {
  sed -i '/^Subsystem/d' /etc/ssh/sshd_config
}

trait_requiretty() {
  sudoers requiretty <<<"Defaults:$login requiretty"
}

trait_no-timestamp() {
  sudoers no-timestamp <<<'Defaults timestamp_timeout=0'
}

# As Red Hat's sudoers has it: without /usr/local, where k3s is.
trait_secure-path() {
  sudoers secure-path <<<'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"'
}

# Banners, and a file of each shell's own that is read at each command over ssh.
trait_noise() {
  printf 'Authorised use only. All that is done here is recorded.\n' | tee /etc/issue.net >/etc/motd
  sshd noise <<<'Banner /etc/issue.net'
  cat >"$home/.noise" <<'END'
echo "Welcome. Your quota is 73 % used."
echo "stty: 'standard input': Inappropriate ioctl for device" >&2
printf 'no newline here'
cd /var/tmp
umask 077
alias ls='ls --color=always -l' cat='cat -n' rm='rm -i' sudo='sudo -v; sudo'
END
  first_line "$home/.bashrc" '. ~/.noise'
  echo '. ~/.noise' >"$home/.zshenv"
  printf '%s\n' 'echo Welcome' 'printf "no newline here"' 'cd /var/tmp' 'umask 077' "alias ls 'ls -l'" >"$home/.tcshrc"
  install -d -m 0755 -o "$login" "$home/.config" "$home/.config/fish"
  printf '%s\n' 'echo Welcome; echo trouble >&2' 'cd /var/tmp' 'umask 077' "alias ls 'ls -l'" \
    >"$home/.config/fish/config.fish"
  chown -R "$login:" "$home/.noise" "$home/.zshenv" "$home/.tcshrc" "$home/.config"
}

trait_german() {
  echo 'de_DE.UTF-8 UTF-8' >/etc/locale.gen
  locale-gen >/dev/null
  printf 'LANG=de_DE.UTF-8\nLANGUAGE=de\n' >/etc/default/locale
}

trait_dash() {
  usermod --shell /bin/dash "$login"
}

trait_fish() {
  usermod --shell /usr/bin/fish "$login"
}

trait_tcsh() {
  usermod --shell /usr/bin/tcsh "$login"
}

trait_zsh() {
  usermod --shell /usr/bin/zsh "$login"
}

trait_port() {
  sshd port <<<'Port 2222'
}

# CIS benchmarks for sshd, and a MaxSessions below theirs.
trait_hardened-sshd() {
  sshd hardened <<'END'
MaxSessions 2
MaxAuthTries 4
MaxStartups 10:30:60
LoginGraceTime 60
ClientAliveInterval 15
ClientAliveCountMax 3
AllowTcpForwarding no
AllowAgentForwarding no
AllowStreamLocalForwarding no
PermitTunnel no
X11Forwarding no
PermitUserEnvironment no
PasswordAuthentication no
KbdInteractiveAuthentication no
Ciphers -3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,chacha20-poly1305@openssh.com
MACs -hmac-sha1*,hmac-md5*,umac-64*
KexAlgorithms -diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1
END
}

main() {
  local trait
  install_packages "$@"
  for trait in "$@"; do "trait_$trait"; done
}
main "$@" </dev/null
