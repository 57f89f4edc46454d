package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func insert(tx *store.Tx, host string) error {
	_, err := tx.Exec("INSERT INTO platform_secret (host, token) VALUES ($1, $2)", host, "t")
	return err
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	if err := db.Reader().QueryRow("SELECT COUNT(*) FROM platform_secret").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// $N binds by number on both engines, not by order of appearance, in every kind of statement and when a number stands twice.
func TestPlaceholderOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var a, b, c string
		query := "SELECT CAST($3 AS TEXT), CAST($1 AS TEXT), CAST($3 AS TEXT) || CAST($2 AS TEXT)"
		if err := db.Reader().QueryRow(query, "one", "two", "three").Scan(&a, &b, &c); err != nil {
			t.Fatal(err)
		}
		if a != "three" || b != "one" || c != "threetwo" {
			t.Errorf("read %q, %q, %q", a, b, c)
		}
		err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO platform_secret (host, token) VALUES ($2, $1)", "token", "host"); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "UPDATE platform_secret SET token = $2 WHERE host = $1 AND token <> $2", "host", "other")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Reader().QueryRow("SELECT host, token FROM platform_secret WHERE token = $2 AND host = $1", "host", "other").Scan(&a, &b); err != nil {
			t.Errorf("written under the wrong numbers: %v", err)
		}
	})
}

// The read connections see what is committed and can write nothing.
func TestReaderOnlyReads(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return insert(tx, "a") }); err != nil {
			t.Fatal(err)
		}
		var conns []*sql.Conn // every connection of the pool
		for range 4 {
			conn, err := db.Reader().Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			for _, query := range []string{"INSERT INTO platform_secret (host, token) VALUES ('b', 't')", "UPDATE platform_secret SET token = 'x'",
				"DELETE FROM platform_secret", "CREATE TABLE kite (id BIGINT)", "DROP TABLE platform_secret"} {
				_, err := conn.ExecContext(ctx, query)
				if err == nil || !strings.Contains(strings.ToLower(err.Error()), "read") { // readonly, read-only
					t.Errorf("%s: %v", query, err)
				}
			}
			var n int
			if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM platform_secret WHERE token = 't'").Scan(&n); err != nil || n != 1 {
				t.Errorf("%d rows, %v", n, err)
			}
		}
		for _, conn := range conns {
			conn.Close()
		}
	})
}

// A snapshot shows one state, whatever is written meanwhile.
func TestSnapshot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		add := func(host string) {
			if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return insert(tx, host) }); err != nil {
				t.Fatal(err)
			}
		}
		add("a")
		tx, err := db.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		for _, host := range []string{"b", "c"} {
			var n int
			if err := tx.QueryRow("SELECT COUNT(*) FROM platform_secret").Scan(&n); err != nil || n != 1 {
				t.Errorf("the snapshot shows %d rows, %v", n, err)
			}
			add(host)
		}
		if n := count(t, db); n != 3 {
			t.Errorf("%d rows afterwards", n)
		}
	})
}

// Several processes may open one PostgreSQL database at the same moment; each finds the schema whole. One writes at a time, so that
// what a closure reads is still so when it writes.
func TestManyProcesses(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		dsn := fresh()
		if strings.HasPrefix(dsn, "sqlite:") {
			return // one process has an SQLite node: app locks its folder
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := store.Open(context.Background(), dsn)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				for range 25 {
					err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
						var n int
						if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM platform_secret").Scan(&n); err != nil {
							return err
						}
						return insert(tx, fmt.Sprint(n))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, storetest.Open(t, dsn)); n != 100 {
			t.Errorf("%d rows, want 100", n)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for _, dsn := range []string{"", "mysql://x", "raksha.db", "postgres://127.0.0.1:1/none?connect_timeout=1", "sqlite:/nowhere/at/all/raksha.db"} {
		if db, err := store.Open(context.Background(), dsn); err == nil {
			db.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := errors.Join(db.Close(), db.Close()); err != nil {
			t.Error(err)
		}
		err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error { return nil })
		if err == nil {
			t.Error("a closed database took a write")
		}
	})
}
