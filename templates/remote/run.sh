# shellcheck shell=sh
# Runs the bash script that follows on stdin, as root where it is asked for. Sent as one constant command, whatever the
# login shell: lines are joined with spaces, so each statement ends in a semicolon, and neither single quotes,
# exclamation marks nor doubled backslashes may stand here.
# It says clustr:arrived, so that a login shell that runs nothing can be told from a sudo that lets nothing through.
# stdin: "root" or "user"; a limit in seconds (0: none); the password for sudo or nothing; then the script.
cd / ;
umask 077 ;
LC_ALL=C ; export LC_ALL ;
echo clustr:arrived >&2 ;
IFS= read -r how ; IFS= read -r limit ; IFS= read -r password ;
command -v bash >/dev/null || { cat >/dev/null ; echo clustr:no-bash >&2 ; exit 90 ; } ;
box=$(mktemp -d /dev/shm/clustr.XXXXXXXX) || { cat >/dev/null ; echo clustr:no-box >&2 ; exit 90 ; } ;
trap "rm -rf \"\$box\"" EXIT ;
trap "exit 129" HUP INT TERM ;
cat >"$box/script" || { echo clustr:no-box >&2 ; exit 90 ; } ;
start="cd / ; umask 022 ; export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ;
  printf \"\n%s\n\" clustr:started ; printf \"\n%s\n\" clustr:started >&2 ;
  if [ \"\$1\" = 0 ] ; then exec bash \"\$0\" </dev/null ; fi ;
  exec timeout -k 5 \"\$1\" bash \"\$0\" </dev/null" ;
case $how$(id -u) in
  user* | root0 ) sh -c "$start" "$box/script" "$limit" ;;
  *) command -v sudo >/dev/null || { echo clustr:no-sudo >&2 ; exit 90 ; } ;
     if [ -n "$password" ] ; then
       printf "%s\n" "$password" | sudo -S -p "" -k sh -c "$start" "$box/script" "$limit" ;
     else
       sudo -n -k sh -c "$start" "$box/script" "$limit" ;
     fi ;;
esac
