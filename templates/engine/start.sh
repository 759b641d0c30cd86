#!/bin/bash
# clustr: starts the apply script as a unit of its own, which outlives this connection, and follows it.
set -euo pipefail
clustr=/var/lib/clustr
install -d -m 0700 "$clustr"
if [ "$(systemctl show -p ActiveState --value clustr-apply.service)" = active ]; then
  echo "::busy $(cat "$clustr/run" 2>/dev/null || true)"
  exit 0
fi
rm -f -- "$clustr/verdict" "$clustr/verdict.new" "$clustr/apply.log"
(umask 077 && cat >"$clustr/apply.sh.new" <<'{{ heredoc }}'
{{ script }}
{{ heredoc }}
)
mv -f -- "$clustr/apply.sh.new" "$clustr/apply.sh"
echo {{ run_id }} >"$clustr/run"
(umask 077 && : >"$clustr/apply.log")
systemctl reset-failed clustr-apply.service 2>/dev/null || true
systemd-run --quiet --collect --unit=clustr-apply --description='clustr apply' \
  -p StandardOutput=append:"$clustr/apply.log" -p StandardError=append:"$clustr/apply.log" \
  -p TimeoutStopSec=15 bash "$clustr/apply.sh"
{{ follow }}
