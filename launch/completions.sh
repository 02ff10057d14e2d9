#!/usr/bin/env bash
# Prints the completions of a shell: those that the program writes, with what its argument parser
# leaves out: `evaluate RUN`, which is `evaluate run RUN`, values behind `--option=`, and `help COMMAND`.
#
#   launch/completions.sh PROGRAM bash|zsh|fish
#
# Tried in all three by CompletionTests. Expected time: none.
set -euo pipefail

if (($# != 2)) || [[ $2 != @(bash|zsh|fish) ]]; then
  echo "completions: usage: launch/completions.sh PROGRAM bash|zsh|fish" >&2
  exit 64
fi

# The first words of the list in the help.
commands=$("$1" --help | sed -n '/^SUBCOMMANDS:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' | tr '\n' ' ')

# Puts a text behind, with `-r` in the place of, the line that is given.
insert() {
  local replaces=
  if [[ $1 == -r ]]; then
    replaces=1
    shift
  fi
  WANTED=$1 TEXT=$2 REPLACES=$replaces awk '
    $0 == ENVIRON["WANTED"] { found++; if (!ENVIRON["REPLACES"]) print; print ENVIRON["TEXT"]; next }
    { print }
    END { if (found != 1) { print "completions: expected once: " ENVIRON["WANTED"] >"/dev/stderr"; exit 1 } }'
}

bash_script() {
  # shellcheck disable=SC2016  # text of the script
  insert '_wgangp-dist_evaluate() {' '
    # Without a name of a subcommand it is run.
    case "${unparsed_words[0]}" in
    run|train-classifier) ;;
    *)
        if [[ "${#unparsed_words[@]}" -gt 1 || "${cur}" = -* ]]; then
            _wgangp-dist_evaluate_run
            return
        fi
        __wgangp-dist_add_completions -f
        ;;
    esac
' |
    insert '_wgangp-dist_help() {' "    if [[ \"\${#unparsed_words[@]}\" -le 1 ]]; then
        __wgangp-dist_add_completions -W '${commands// /$'\n'}'
        return
    fi" |
    insert -r '    local -r cur="${2}"' '    local cur="${2}"' |
    insert -r '    local -r prev="${3}"' '    local prev="${3}"' |
    insert -r '    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")' '    local -a unparsed_words=()
    # Of --option=value readline makes three words.
    local -i place
    for ((place = 1; place <= COMP_CWORD; place++)); do
        if [[ "${COMP_WORDS[place]}" != "=" || "${COMP_WORDS[place - 1]}" != --* ]]; then
            unparsed_words+=("${COMP_WORDS[place]}")
        elif ((place == COMP_CWORD)); then
            cur=
            unparsed_words+=("")
        fi
    done
    if ((${#unparsed_words[@]} > 1)); then
        prev=${unparsed_words[${#unparsed_words[@]} - 2]}
    fi'
}

zsh_script() {
  # shellcheck disable=SC2016  # text of the script
  insert '_wgangp-dist_evaluate() {' '    # Without a name of a subcommand it is run.
    if [[ "${words[2]}" != (run|train-classifier) ]]; then
        if [[ "${CURRENT}" -gt 2 || "${words[2]}" = -* ]]; then
            _wgangp-dist_evaluate_run
            return
        fi
        _files
    fi' |
    insert '_wgangp-dist_help() {' "    if [[ \"\${CURRENT}\" -eq 2 ]]; then
        compadd -- $commands
        return
    fi" |
    # An option that takes a value does so behind = too; [^\\]\]: ends its description. The words of
    # `data verify` are no name of a variable.
    sed -E -e 's/_name\|key=value(=\(|\[@\])/_name_or_assignment\1/' \
      -e "s/^( +'\\*?--[a-z-]+)(\\[.*[^\\\\]\\]:[^:]*:.*')\$/\\1=\\2/" \
      -e "s/^( +'\\([^)]*\\)'\\{)(-[a-z]),(--[a-z-]+)(\\}'\\[.*[^\\\\]\\]:[^:]*:.*')\$/\\1\\2+,\\3=\\4/" \
      -e "s/^( +'\\([^)]*\\)'\\{)(--[a-z-]+),(-[a-z])(\\}'\\[.*[^\\\\]\\]:[^:]*:.*')\$/\\1\\2=,\\3+\\4/"
}

fish_script() {
  # shellcheck disable=SC2016  # text of the script
  insert '    set -l unparsed_tokens (__wgangp-dist_tokens -pc)' '    # Without a name of a subcommand evaluate is evaluate run.
    if test "$unparsed_tokens[2]" = evaluate; and not contains -- "$unparsed_tokens[3]" run train-classifier
        if set -q unparsed_tokens[3]; or string match -q -- "-*" (commandline -ct)
            set unparsed_tokens $unparsed_tokens[1..2] run $unparsed_tokens[3..]
        end
    end' |
    insert -r '    set -l token (commandline -t)' \
      '    set -l token (string replace -r -- "^--[^=]*=" "" (commandline -t))'
  printf '\n%s\n' "complete -c wgangp-dist -n '__wgangp-dist_should_offer_completions_for_positional \"wgangp-dist help\" -eq 1' -fa '$commands'" \
    "complete -c wgangp-dist -F -n '__wgangp-dist_should_offer_completions_for_positional \"wgangp-dist evaluate\" -eq 1'"
}

"$1" --generate-completion-script "$2" | "$2_script"
