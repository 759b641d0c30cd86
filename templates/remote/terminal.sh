# shellcheck shell=bash
# Runs a parked script as root under a terminal. Sent as one constant command; see run.sh for what may stand here.
# stdin, once clustr:ready was printed: the folder; a limit in seconds (0: none); the password for sudo or nothing.
# stderr goes to a file that is fetched afterwards, since a terminal has one stream only.
cd / ;
LC_ALL=C ; export LC_ALL ;
echo clustr:arrived >&2 ;
stty raw -echo ;
printf "\n%s\n" clustr:ready ;
IFS= read -r box ; IFS= read -r limit ; IFS= read -r password ;
trap "rm -f \"\$box/script\"" EXIT ;
trap "exit 129" HUP INT TERM ;
start="cd / ; umask 022 ; export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ;
  printf \"\n%s\n\" clustr:started ; printf \"\n%s\n\" clustr:started >&2 ;
  exec timeout -k 5 \"\$1\" bash \"\$0\" </dev/null" ;
if [ -n "$password" ] ; then
  printf "%s\n" "$password" | sudo -S -p "" -k sh -c "$start" "$box/script" "$limit" 2>"$box/stderr" ;
else
  sudo -n -k sh -c "$start" "$box/script" "$limit" 2>"$box/stderr" ;
fi
