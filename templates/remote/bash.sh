# shellcheck shell=sh
# Before each of the others: they are bash's, which may be missing. No ~/.bashrc, which may print anything. See run.sh
# for what may stand here.
command -v bash >/dev/null || { cat >/dev/null ; echo clustr:arrived >&2 ; echo clustr:no-bash >&2 ; exit 90 ; } ;
exec bash --norc -c "$0"
