#!/usr/bin/env bash
# Format, vet, and whether the generated pages are those of their templates.
set -euo pipefail
cd "$(dirname "$0")/../.."

unformatted=$(find . -name '*.go' -not -path '*/node_modules/*' -not -path './.git/*' -print0 | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
	exit 1
fi

go vet ./...

templates=$(find . -name '*.templ' -not -path '*/node_modules/*')
if [ -n "$templates" ]; then
	generated() { find . -name '*_templ.go' -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 sha256sum; }
	before=$(generated)
	go tool templ generate -log-level=error
	if [ "$before" != "$(generated)" ]; then
		printf 'the generated pages were out of date; they have been generated anew, commit them:\n' >&2
		diff <(echo "$before") <(generated) | sed -n 's/^> [0-9a-f]*  /  /p' >&2
		exit 1
	fi
fi
