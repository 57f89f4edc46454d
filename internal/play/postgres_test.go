package play

import (
	"os"
	"path/filepath"
	"testing"

	"raksha.example/raksha/internal/store/storetest"
)

// TestPostgres plays the small story with every node on PostgreSQL: what comes of it is the same, to the figure and to the last
// object, as on SQLite.
func TestPostgres(t *testing.T) {
	if testing.Short() {
		t.SkipNow()
	}
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		if filepath.Base(t.Name()) != "postgres" {
			return // all other tests play on SQLite
		}
		want, held := peaceful(t)
		cfg := Config{Dir: t.TempDir(), Story: small, Databases: map[string]string{}}
		for _, name := range nodeNames {
			cfg.Databases[name] = fresh()
		}
		d := begun(t, cfg)
		s, err := d.Play(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if plain(s) != plain(want) {
			t.Errorf("on PostgreSQL: %+v\non SQLite: %+v", s, want)
		}
		if now := inventory(t, d); now != held {
			t.Errorf("on PostgreSQL:\n%s\non SQLite:\n%s", now, held)
		}
		checkFigures(t, d.Story(), s)
		checkActs(t, d)
		checkCase(t, d, s)
		checkThen(t, d)
		for _, name := range nodeNames {
			if _, err := os.Stat(filepath.Join(d.nodes[name].dir, "raksha.db")); err == nil {
				t.Errorf("%s kept an SQLite database", name)
			}
		}
	})
}
