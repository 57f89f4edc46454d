package api_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/bench/load"
	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// BenchmarkLookup asks a node in the same process for random hashes among 200,000; raksha bench serve asks one in a process of its own.
func BenchmarkLookup(b *testing.B) {
	ctx := context.Background()
	n, err := app.Start(ctx, app.Config{Dir: b.TempDir(), Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Holder}, Jurisdiction: "in", Clock: clock.System{}, AllowLoopback: true,
		OpenMatch: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close(ctx)
	r := rand.New(rand.NewPCG(1, 1))
	err = n.Rooms.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err := n.Rooms.Lists.CreateList(ctx, tx, lists.New{Name: "L"})
		if err != nil {
			return err
		}
		entries := make([]lists.Entry, 200_000)
		for i := range entries {
			entries[i] = lists.Entry{Kind: lists.PDQ, Value: randomPDQ(r)}
		}
		return n.Rooms.Lists.Add(ctx, tx, id, 0, entries)
	})
	if err != nil {
		b.Fatal(err)
	}
	address := strings.TrimPrefix(n.URL, "http://")
	states := make([]*rand.Rand, 16)
	for i := range states {
		states[i] = rand.New(rand.NewPCG(uint64(i), 2))
	}
	var got load.Result
	for b.Loop() {
		got = load.Run(address, len(states), time.Second, func(c, _ int) []byte {
			return []byte("GET /m/lookup?signal_type=pdq&signal=" + randomPDQ(states[c]) + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
		})
		if got.Fails > 0 {
			b.Fatal(got.Cause)
		}
	}
	b.ReportMetric(got.PerS, "lookups/s")
}
