#!/bin/bash
# clustr: starts the apply script as a unit of its own, which outlives this connection, and follows it.
set -euo pipefail
clustr=/var/lib/clustr
install -d -m 0700 "$clustr"
case $(systemctl show -p ActiveState --value clustr-apply.service) in
  inactive | failed) ;;
  *)
    echo "::busy $(sed -n 2p "$clustr/run" 2>/dev/null || true)"
    exit 0
    ;;
esac
rm -f -- "$clustr/verdict" "$clustr/verdict.new" "$clustr/apply.log" "$clustr/run.read"
(umask 077 && cat >"$clustr/apply.sh.new" <<'{{ heredoc }}'
{{ script }}
{{ heredoc }}
)
mv -f -- "$clustr/apply.sh.new" "$clustr/apply.sh"
printf '%s\n' {{ run_id | quote }} {{ by | quote }} >"$clustr/run.new"
mv -f -- "$clustr/run.new" "$clustr/run"
(umask 077 && : >"$clustr/apply.log")
systemctl reset-failed clustr-apply.service 2>/dev/null || true
# The script's own shell opens the log: SELinux lets systemd write to no file of /var/lib (fedora-selinux, init.te).
# shellcheck disable=SC2016 # expanded by that shell
systemd-run --quiet --collect --unit=clustr-apply --description='clustr apply' -p TimeoutStopSec=15 \
  bash -c 'exec bash "$0" >>"$1" 2>&1' "$clustr/apply.sh" "$clustr/apply.log"
{{ follow }}
