# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One line per step, rewritten in place on a terminal, printed once elsewhere:
#   [2/3] build     release, GCC 12.2, 2 jobs [173/173]                118 s
# Sourced by the other scripts. SHOAL_STEP ("[2/3] ") is set by the script that numbers the steps.

step_started_at=$EPOCHREALTIME
step_name=""

step_start() {  # NAME
  step_name=$1
  step_started_at=$EPOCHREALTIME
}

step_progress() {  # TEXT
  [[ ! -t 1 ]] || printf '\r\033[K%s%-9s %s' "${SHOAL_STEP:-}" "$step_name" "$1"
}

step_done() {  # TEXT
  local microseconds=$((${EPOCHREALTIME/[.,]/} - ${step_started_at/[.,]/}))
  [[ ! -t 1 ]] || printf '\r\033[K'
  printf '%s%-9s %-50s %6d s\n' "${SHOAL_STEP:-}" "$step_name" "$1" "$(((microseconds + 500000) / 1000000))"
}

step_failed() {  # TEXT [LOG]: the step's line, then what is known about why
  [[ ! -t 1 ]] || printf '\r\033[K'
  printf '%s%-9s %s\n' "${SHOAL_STEP:-}" "$step_name" "$1" >&2
  [[ -z ${2:-} ]] || printf '%s\n' "$2" >&2
}
