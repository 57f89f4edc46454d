#!/usr/bin/env bash
# Runs the fuzz targets of the module, each for up to 20 seconds, less if there are so many that it would take over nine minutes.
# An input that fails is kept by go in the package's testdata/fuzz: mend the parser and commit the input with it.
#
#   test/setup/fuzz.sh                                       every target
#   FUZZ_SECONDS=600 test/setup/fuzz.sh ./internal/media     ten minutes for each target of some packages
#   FUZZ_TARGETS='^Fuzz(HEIF|WebP)$' test/setup/fuzz.sh ...  only targets with these names
#
# What go learns of a target goes on where it stopped in the next run: it is kept in $(go env GOCACHE)/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly least=3 whole=540 # seconds
each=20
if [ -n "${FUZZ_SECONDS:-}" ]; then
	each=$FUZZ_SECONDS
fi
packages=("$@")
if [ ${#packages[@]} = 0 ]; then
	packages=(./...)
fi

# `go test -list` prints the names of a package's targets and then a line that names the package.
targets=()
names=()
while read -r first second _; do
	case $first in
	Fuzz*) if [[ $first =~ ${FUZZ_TARGETS:-.} ]]; then names+=("$first"); fi ;;
	ok)
		for name in "${names[@]}"; do targets+=("$second $name"); done
		names=()
		;;
	esac
done < <(go test -list '^Fuzz' "${packages[@]}")

left=${#targets[@]}
echo "$left fuzz targets"
failed=()
for target in "${targets[@]}"; do
	read -r package name <<<"$target"
	time=$each
	if [ -z "${FUZZ_SECONDS:-}" ]; then
		time=$(((whole - SECONDS) / left))
		time=$((time > each ? each : time < least ? least : time))
	fi
	left=$((left - 1))
	log=$(mktemp)
	if go test -run='^$' -fuzz="^$name\$" -fuzztime="${time}s" -fuzzminimizetime=2s "$package" >"$log" 2>&1; then
		echo "$package $name: ${time}s, $(grep -o 'execs: [0-9]*' "$log" | tail -1)"
	elif grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; then
		# On a busy machine go's own workers may miss the end of the time; nothing was found then.
		echo "$package $name: ${time}s, ended late, $(grep -o 'execs: [0-9]*' "$log" | tail -1)"
	else
		cat "$log"
		failed+=("$package $name")
	fi
	rm -f "$log"
done
if [ ${#failed[@]} -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
