#!/usr/bin/env bash
# Runs every fuzz target of the module for up to 20 seconds each, less if there are so many that it would take over nine minutes.
# An input that fails is kept by go in the package's testdata/fuzz: mend the parser and commit the input with it.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly each=20 least=3 whole=540 # seconds

# `go test -list` prints the names of a package's targets and then a line that names the package.
targets=()
names=()
while read -r first second _; do
	case $first in
	Fuzz*) names+=("$first") ;;
	ok)
		for name in "${names[@]}"; do targets+=("$second $name"); done
		names=()
		;;
	esac
done < <(go test -list '^Fuzz' ./...)

left=${#targets[@]}
echo "$left fuzz targets"
failed=()
for target in "${targets[@]}"; do
	read -r package name <<<"$target"
	time=$(((whole - SECONDS) / left))
	time=$((time > each ? each : time < least ? least : time))
	left=$((left - 1))
	echo "$package $name: ${time}s"
	log=$(mktemp)
	if ! go test -run='^$' -fuzz="^$name\$" -fuzztime="${time}s" "$package" >"$log" 2>&1; then
		cat "$log"
		failed+=("$package $name")
	fi
	rm -f "$log"
done
if [ ${#failed[@]} -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
