#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own and stops the server afterwards:
#
#   test/setup/postgres.sh go test ./...
#
# The server keeps its data in a new temporary folder and listens on a free port of the loopback address only, without
# passwords: it holds nothing but test data. The command finds it in RAKSHA_TEST_POSTGRES. If that is set already, the
# command runs against that server and nothing is started. PostgreSQL refuses to run as root: then its own user runs it.
#
# The server does not flush to the disk, which tests need not wait for. RAKSHA_POSTGRES_FSYNC=on makes it durable, for measurements.
set -euo pipefail

if [ -n "${RAKSHA_TEST_POSTGRES:-}" ]; then
	exec "$@"
fi

# Debian keeps the server's programs out of the PATH, a folder per version; the newest one is taken.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "$bin" ]; then
	if ! command -v initdb >/dev/null; then
		echo "postgres.sh: PostgreSQL is not installed; run: make setup" >&2
		exit 1
	fi
	bin=$(dirname "$(readlink -f "$(command -v initdb)")")
fi

as=()
if [ "$(id -u)" = 0 ]; then
	user=postgres
	id "$user" >/dev/null 2>&1 || user=nobody
	as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/)
fi

dir=$(mktemp -d)
server=
stop() {
	if [ -n "$server" ] && kill -INT "$server" 2>/dev/null; then # fast shutdown
		wait "$server" || true
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ${#as[@]} -gt 0 ]; then
	chown "$user" "$dir"
fi
cd "$dir" # a folder that the server's user may enter

"${as[@]}" "$bin/initdb" --pgdata="$dir/data" --auth=trust --username=raksha --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
	{ cat "$dir/initdb.log" >&2; exit 1; }

for attempt in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 20000))
	"${as[@]}" "$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
		-c fsync="${RAKSHA_POSTGRES_FSYNC:-off}" -c max_connections=300 >"$dir/server.log" 2>&1 &
	server=$!
	ready=
	for _ in $(seq 300); do
		kill -0 "$server" 2>/dev/null || break # it ended: most likely the port was taken
		if "$bin/pg_isready" --quiet --host=127.0.0.1 --port="$port"; then
			ready=yes
			break
		fi
		sleep 0.1
	done
	if [ -n "$ready" ] && kill -0 "$server" 2>/dev/null; then
		break
	fi
	server=
done
if [ -z "$server" ]; then
	cat "$dir/server.log" >&2
	exit 1
fi

cd "$OLDPWD"
status=0
RAKSHA_TEST_POSTGRES="postgres://raksha@127.0.0.1:$port/postgres?sslmode=disable" "$@" || status=$?
exit "$status"
