# shellcheck shell=sh
# Receives a file as root. Sent as one constant command; see run.sh for what may stand here.
# stdin: the password for sudo or nothing; the line clustr:file; path; mode; size in bytes; then the file.
# Where sudo asks for no password it leaves that line unread, so whatever comes before clustr:file is skipped.
cd / ;
LC_ALL=C ; export LC_ALL ;
echo clustr:arrived >&2 ;
receive="until IFS= read -r line && [ \"\$line\" = clustr:file ] ; do : ; done ;
  IFS= read -r path ; IFS= read -r mode ; IFS= read -r size ;
  printf \"\n%s\n\" clustr:started ; printf \"\n%s\n\" clustr:started >&2 ;
  umask 022 ; mkdir -p \"\${path%/*}/\" || exit ; umask 077 ;
  part=\$(mktemp \"\${path%/*}/.clustr.XXXXXXXX\") || exit ;
  trap \"rm -f \$part\" EXIT ; trap \"exit 129\" HUP INT TERM ;
  cat >\"\$part\" || exit ;
  [ \"\$(stat -c %s \"\$part\")\" = \"\$size\" ] || { echo \"the file was cut short\" >&2 ; exit 1 ; } ;
  chown 0:0 \"\$part\" && chmod \"\$mode\" \"\$part\" && mv -fT \"\$part\" \"\$path\"" ;
IFS= read -r password ;
if [ "$(id -u)" = 0 ] ; then sh -c "$receive" ;
elif [ -n "$password" ] ; then { printf "%s\n" "$password" ; cat ; } | sudo -S -p "" -k sh -c "$receive" ;
else sudo -n -k sh -c "$receive" ;
fi
