#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: PostgreSQL, ffmpeg, openssl, xmllint, what reads and signs papers (poppler-utils, NSS, SoftHSM,
# OpenSC) and, for the browser test, chromium from Debian, and the packages of
# test/browser and test/clients. Says nothing when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in go node npm git; do
	if ! command -v "$tool" >/dev/null; then
		echo "install.sh: $tool is missing: install it first" >&2
		exit 1
	fi
done

missing=()
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null; then
	missing+=(postgresql)
fi
for tool in ffmpeg openssl; do
	if ! command -v "$tool" >/dev/null; then
		missing+=("$tool")
	fi
done
if ! command -v xmllint >/dev/null; then
	missing+=(libxml2-utils)
fi
# Papers are read back and looked at, and their signatures judged, by other people's programs.
for pair in pdfsig:poppler-utils certutil:libnss3-tools softhsm2-util:softhsm2 pkcs11-tool:opensc; do
	if ! command -v "${pair%%:*}" >/dev/null; then
		missing+=("${pair#*:}")
	fi
done
if [ -f test/browser/package-lock.json ] && ! command -v chromium >/dev/null; then
	missing+=(chromium)
fi
if [ ${#missing[@]} -gt 0 ]; then
	root=()
	if [ "$(id -u)" != 0 ]; then
		root=(sudo)
	fi
	if ! command -v apt-get >/dev/null || { [ ${#root[@]} -gt 0 ] && ! command -v sudo >/dev/null; }; then
		echo "install.sh: the tests need what this machine lacks; as root, run: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	echo "installing ${missing[*]}"
	log=$(mktemp)
	if ! { "${root[@]}" apt-get update -qq && "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "install.sh: could not install ${missing[*]}" >&2
		exit 1
	fi
	rm -f "$log"
fi

for dir in test/browser test/clients; do
	lock=$dir/package-lock.json
	stamp=$dir/node_modules/.installed
	if [ -f "$lock" ] && ! [ "$stamp" -nt "$lock" ]; then
		echo "installing the packages of $lock"
		npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
		mkdir -p "$(dirname "$stamp")"
		touch "$stamp"
	fi
done
