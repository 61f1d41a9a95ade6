#!/usr/bin/env bash
# scripts/setup.sh: setup_test.sh SOURCE_FOLDER. Needs no network: a copy of the scripts fails on purpose, the tree that is
# being tested must already be complete.
set -uo pipefail
readonly source_folder=$1
readonly copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$source_folder/scripts" "$copy/"

# expect "sentence" command...: the command exits with 1 and says so.
expect() {
  local sentence=$1 said status
  shift
  said=$("$@" 2>&1)
  status=$?
  [[ $status == 1 && $said == *"$sentence"* ]] && return
  echo "'$*' exited with $status, not 1, or did not say '$sentence' but: $said"
  exit 1
}

expect "There are --demo and --test" "$copy/scripts/setup.sh" --tests
expect "Python 3.11 is needed" env CONSORT_PYTHON=/bin/false "$copy/scripts/setup.sh"

said=$("$source_folder/scripts/setup.sh" 2>&1) || { echo "a second run failed: $said" && exit 1; }
[[ -z $said ]] || { echo "a second run did more than nothing: $said" && exit 1; }
