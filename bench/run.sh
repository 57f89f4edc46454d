#!/usr/bin/env bash
# Measures hashing, and matching beside FAISS on the same data, on one pinned thread. Usage: bench/run.sh [HASHES], 10 million by default.
# It needs bin/raksha (make build), g++ and Debian's libfaiss-dev, about 8 GB of memory and 1 GB in TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."

n=${1:-${N:-10000000}}
core=$(($(nproc) - 1))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pin=()
if command -v taskset >/dev/null; then pin=(taskset -c "$core"); fi

echo "== hashing"
"${pin[@]}" bin/raksha bench hash --json
echo "== hashing without vector instructions"
GODEBUG=cpu.avx2=off "${pin[@]}" bin/raksha bench hash --json

if ! echo '#include <faiss/IndexBinaryHash.h>' | g++ -std=c++17 -fopenmp -x c++ -fsyntax-only - 2>/dev/null; then
	echo "bench: FAISS is not compared: install g++ and libfaiss-dev (apt-get install g++ libfaiss-dev)" >&2
else
	g++ -std=c++17 -O3 -fopenmp -Wall -Wextra -o "$work/faiss" bench/faiss.cpp -lfaiss -lblas -llapack
fi
for data in uniform pictures; do
	echo "== matching, $data, $n hashes"
	"${pin[@]}" bin/raksha bench match --n "$n" --data "$data" --json --save "$work/data" | tee "$work/ours.json"
	"${pin[@]}" bin/raksha bench match --n "$n" --data "$data" --json --kernel go
	if [ -x "$work/faiss" ]; then
		OMP_NUM_THREADS=1 "${pin[@]}" "$work/faiss" "$work/data" "$data" | tee "$work/theirs.json"
		ours=$(sed -E 's/.*"miss_us":([0-9.]+).*/\1/' "$work/ours.json")
		theirs=$(sed -E 's/.*"miss_us":([0-9.]+).*/\1/' "$work/theirs.json")
		awk -v a="$theirs" -v b="$ours" 'BEGIN { printf "misses: %.0f times the queries a second of FAISS\n", a / b }'
	fi
	rm -rf "$work/data"
done
echo "== matching, made to be hard, a tenth of the hashes"
"${pin[@]}" bin/raksha bench match --n $((n / 10)) --data crowded --json
