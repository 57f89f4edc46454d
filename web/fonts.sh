#!/usr/bin/env bash
# Puts the fonts in which documents are printed into web/dist, where the build takes them from. Says nothing and does nothing
# when they are there already and as new as the lock file.
set -euo pipefail
cd "$(dirname "$0")"

stamp=dist/fonts/LICENSE.txt
if [ -f "$stamp" ] && ! [ fonts/package-lock.json -nt "$stamp" ]; then
	exit 0
fi
for tool in node npm; do
	if ! command -v "$tool" >/dev/null; then
		echo "fonts.sh: $tool is missing: install it first" >&2
		exit 1
	fi
done
npm ci --prefix fonts --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
mkdir -p dist/fonts
from=fonts/node_modules/@expo-google-fonts
cp "$from/noto-sans/400Regular/NotoSans_400Regular.ttf" "$from/noto-sans/700Bold/NotoSans_700Bold.ttf" \
	"$from/noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf" "$from/noto-sans-devanagari/700Bold/NotoSansDevanagari_700Bold.ttf" \
	"$from/noto-sans-mono/400Regular/NotoSansMono_400Regular.ttf" dist/fonts/
cat "$from/noto-sans/LICENSE_FONT" >"$stamp" # the SIL Open Font License, which goes with the fonts; last: it says that all is there
