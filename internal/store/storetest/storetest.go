// Package storetest opens empty databases for tests: SQLite always, PostgreSQL where the tests' set-up started one and
// named it in RAKSHA_TEST_POSTGRES (make test does).
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raksha.example/raksha/internal/store"
)

const serverEnv = "RAKSHA_TEST_POSTGRES"

// Each runs fn on an empty database of each engine.
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, fresh func() string) { fn(t, Open(t, fresh())) })
}

// EachDSN runs fn on each engine; fresh names a new empty database for store.Open, which goes with the test.
func EachDSN(t *testing.T, fn func(t *testing.T, fresh func() string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, func() string { return sqlite(t) }) })
	if server := os.Getenv(serverEnv); server != "" {
		t.Run("postgres", func(t *testing.T) { fn(t, func() string { return postgres(t, server) }) })
	}
}

// EachBench is Each for benchmarks.
func EachBench(b *testing.B, fn func(b *testing.B, db *store.DB)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) { fn(b, Open(b, sqlite(b))) })
	if server := os.Getenv(serverEnv); server != "" {
		b.Run("postgres", func(b *testing.B) { fn(b, Open(b, postgres(b, server))) })
	}
}

// SQLite opens an empty SQLite database.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, sqlite(t))
}

// Open opens a database and closes it with the test.
func Open(t testing.TB, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// DSN gives the name under which a database of this package can be opened once more, by another process too.
func DSN(t testing.TB, db *store.DB) string {
	t.Helper()
	query := "SELECT file FROM pragma_database_list WHERE name = 'main'"
	if db.Engine() == store.Postgres {
		query = "SELECT current_database()"
	}
	var name string
	if err := db.Reader().QueryRow(query).Scan(&name); err != nil {
		t.Fatal(err)
	}
	if db.Engine() == store.SQLite {
		return "sqlite:" + name
	}
	return within(t, os.Getenv(serverEnv), name)
}

func sqlite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "raksha.db")
}

// postgres makes a database of its own in the server and drops it afterwards.
func postgres(t testing.TB, server string) string {
	t.Helper()
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	name := "raksha_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	return within(t, server, name)
}

// within names a database of a server.
func within(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}
