#!/usr/bin/env bash
# What array.sh says of a table's slices. It sources this; by itself it does nothing.
#
# All is read from the runs' folders, so that it holds for slices that Slurm has trained too:
# run.log says how a run ended, metrics.csv and evaluation.csv have its numbers.

# The slice's own name: what its line gives to `name`.
# shellcheck disable=SC2154  # words
slice_name() {
  local word name=''
  table_words "$1" || return 0
  for word in "${words[@]}"; do
    if [[ $word == name=* ]]; then name=${word#name=}; fi
  done
  printf '%s\n' "$name"
}

# Reads a slice: sets `state`, `iterations`, `total`, `seconds` and `why`.
#
#   read_slice NUMBER
read_slice() {
  local run=$RUNS/$1 status='' event='' text='' process
  state='not begun' iterations=0 total='' seconds=0 why=''
  if [[ -e $run.status ]]; then read -r status process <"$run.status" || true; fi
  if [[ -e $run/run.log ]]; then
    # DATE EVENT: TEXT; neither a warning nor its end ends the run.
    read -r _ event text < <(grep -vE '^[^ ]* (warning|recovered): ' "$run/run.log" | tail -n 1) || true
    case ${event%:} in
    'done' | stopped | failed | stalled) state=${event%:} why=${text%%; *} ;;
    started | resumed) state=interrupted why='killed, or the machine was lost; or it runs elsewhere' ;;
    esac
  fi
  # What array.sh saw; older than run.log where something else has trained since.
  if [[ $status == running ]]; then
    if kill -0 "$process" 2>/dev/null; then state=running why="process $process"; fi
  elif [[ -n $status && ! $run.status -ot $run/run.log ]]; then
    case $status in
    0 | 75) ;;
    *)
      state=failed
      why=$(grep 'error: \|^array: ' "$run.log" 2>/dev/null | tail -n 1) || true
      why=${why#*error: }
      why="status $status${why:+: ${why#array: }}"
      ;;
    esac
  fi
  if [[ -s $run/metrics.csv ]]; then
    # A line that is being written is no row yet.
    read -r iterations seconds < <(awk -F, 'NR == 1 { fields = NF; next }
      NF == fields { last = $1; sum += $NF } END { printf "%d %.1f\n", last, sum }' "$run/metrics.csv")
  fi
  if [[ -e $run/config.yaml ]]; then
    total=$(sed -n '/^training:/,/^[^ ]/s/^ *iterations: *\([0-9]*\) *$/\1/p' "$run/config.yaml")
  fi
}

# A row of evaluation.csv by its iteration; without one the last.
evaluation_row() {
  awk -F, -v wanted="${2:-}" 'NR == 1 { fields = NF; next }
    NF == fields && (wanted == "" || $1 == wanted) { row = $0 } END { print row }' "$1"
}

# Takes a slice's scores into `scores`, by NUMBER/last/COLUMN and NUMBER/best/COLUMN, and `columns`.
read_scores() {
  local file=$RUNS/$1/evaluation.csv names=() values=() column index which best iteration
  [[ -s $file ]] || return 0
  IFS=, read -r -a names <"$file"
  best=$(readlink "$RUNS/$1/checkpoints/best") || best=''
  for which in last best; do
    iteration=''
    if [[ $which == best ]]; then
      [[ $best == step-* ]] || continue
      iteration=$((10#${best#step-}))
      scores[$1/best]=$iteration
    fi
    IFS=, read -r -a values < <(evaluation_row "$file" "$iteration") || true
    for index in "${!names[@]}"; do
      column=${names[index]% (*}
      case $column in iteration | epoch | seconds) continue ;; esac
      [[ -n ${values[index]:-} ]] || continue
      if [[ " ${columns[*]} " != *" $column "* ]]; then columns+=("$column"); fi
      scores[$1/$which/$column]=${values[index]}
    done
  done
}

quoted_for_json() {
  local text=${1//[[:cntrl:]]/ }
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

number_for_json() {
  if [[ $1 =~ ^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$ ]]; then printf %s "$1"; else printf null; fi
}

quoted_for_csv() {
  local text=${1//[[:cntrl:]]/ }
  if [[ $text == *[,\"]* ]]; then text="\"${text//\"/\"\"}\""; fi
  printf %s "$text"
}

# Cells in columns, as wide as the widest; all but the first three and the last have numbers.
aligned() {
  awk -F '\t' '{ if (NF > fields) fields = NF
      for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
    END { for (row = 1; row <= NR; row++) {
      line = ""
      for (i = 1; i <= fields; i++)
        line = line sprintf(i > 3 && i < fields ? "%" width[i] "s  " : "%-" width[i] "s  ", cell[row, i])
      sub(/ +$/, "", line); print line } }'
}

# Writes RUNS/report.csv and report.json of `slices`, the numbers of the lines that have one in the
# array `lines`, and prints the table. Sets `ending` for those of them that are `wanted`: 0 where all
# are done, 1 where some have failed, else 75.
#
# shellcheck disable=SC2154  # slices, lines, wanted
report() {
  local number name column which row head=slice,name,run,state,iterations,total,seconds open=0 bad=0
  local state iterations total seconds why columns=() json='' csv='' text='' failures=''
  local -A scores=() counts=()
  for number in "${slices[@]}"; do read_scores "$number"; done
  for column in "${columns[@]}"; do head+=,$column; done
  head+=,best_iteration
  for column in "${columns[@]}"; do head+=,best_$column; done
  for number in "${slices[@]}"; do
    read_slice "$number"
    name=$(slice_name "${lines[number - 1]}")
    counts[$state]=$((${counts[$state]:-0} + 1))
    if [[ $state == failed || $state == stalled ]]; then
      failures+="array: $number${name:+ ($name)}: $why"$'\n'
      bad=$((bad + ${wanted[$number]:-0}))
    elif [[ $state != 'done' ]]; then
      open=$((open + ${wanted[$number]:-0}))
    fi
    row="$number,$(quoted_for_csv "$name"),$(quoted_for_csv "$RUNS/$number"),$state,$iterations"
    row+=",$total,$seconds"
    json+="${json:+,}"$'\n'"  {\"slice\": $number, \"name\": $(quoted_for_json "$name"),"
    json+=" \"run\": $(quoted_for_json "$RUNS/$number"), \"state\": \"$state\","
    json+=" \"iterations\": $iterations, \"total\": $(number_for_json "$total"),"
    json+=" \"seconds\": $seconds, \"bestIteration\": $(number_for_json "${scores[$number/best]:-}")"
    text+="$number"$'\t'"$name"$'\t'"$state"$'\t'"$iterations${total:+/$total}"$'\t'"$seconds"
    for which in last best; do
      if [[ $which == best ]]; then row+=,${scores[$number/best]:-}; fi
      json+=", \"$which\": {"
      for column in "${columns[@]}"; do
        row+=,${scores[$number/$which/$column]:-}
        [[ $json == *'{' ]] || json+=', '
        json+="\"$column\": $(number_for_json "${scores[$number/$which/$column]:-}")"
      done
      json+='}'
    done
    for column in "${columns[@]}"; do
      text+=$'\t'"$(short "${scores[$number/last/$column]:-}")"
      text+="${scores[$number/best/$column]:+ ($(short "${scores[$number/best/$column]:-}"))}"
    done
    why=${why//[[:cntrl:]]/ }
    text+=$'\t'"${why:0:70}"$'\n'
    csv+="$row,$(quoted_for_csv "$why")"$'\n'
    json+=", \"why\": $(quoted_for_json "$why")}"
  done
  mkdir -p "$RUNS"
  printf '%s,why\n%s' "$head" "$csv" >"$RUNS/report.csv"
  printf '[%s\n]\n' "$json" >"$RUNS/report.json"
  {
    printf 'slice\tname\tstate\titerations\tseconds'
    for column in "${columns[@]}"; do printf '\t%s' "$column"; done
    printf '\twhy\n%s' "$text"
  } | aligned
  printf %s "$failures" >&2
  row=''
  for state in 'done' running stopped interrupted failed stalled 'not begun'; do
    if [[ -n ${counts[$state]:-} ]]; then row+="${row:+, }${counts[$state]} $state"; fi
  done
  say "$row; $RUNS/report.csv, report.json"
  # shellcheck disable=SC2034  # of array.sh
  ending=$((bad ? 1 : open ? 75 : 0))
}

# A score with five digits; in brackets that of the best checkpoint.
short() { if [[ $1 =~ ^-?[0-9.eE+-]+$ ]]; then printf %.5g "$1"; else printf %s "$1"; fi; }
