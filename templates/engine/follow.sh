# Follows the apply unit's log from line {{ line }} on; ends with the verdict, or with "cut" where there is none.
follow() {
  local clustr=/var/lib/clustr watcher
  (
    while :; do
      case $(systemctl show -p ActiveState --value clustr-apply.service) in
        active | activating | deactivating | reloading) sleep 0.2 ;;
        *) break ;;
      esac
    done
  ) &
  watcher=$!
  tail -n +{{ line }} -s 0.2 -f --pid="$watcher" "$clustr/apply.log"
  [ -z "$(tail -c 1 "$clustr/apply.log")" ] || echo
  if [ -f "$clustr/verdict" ]; then
    echo "::verdict"
    cat "$clustr/verdict"
  else
    echo "::cut"
  fi
}
follow
