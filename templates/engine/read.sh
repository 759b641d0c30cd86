# This apply is over and somebody was told how: the next run need not tell it again. Its script may hold secrets.
read_to_its_end() {
  local clustr=/var/lib/clustr run={{ run_id | quote }}
  if grep -qsxF -- "$run" "$clustr/run"; then
    mv -f -- "$clustr/run" "$clustr/run.read"
    rm -f -- "$clustr/apply.sh"
  fi
}
read_to_its_end
