package kill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

const (
	writers  = 6
	ofImport = 20 // hashes in one import
)

// The kinds of write; each is known by a key that stands in what it leaves.
const (
	importList = "import"
	enterTip   = "tip"
	register   = "fir"
	keepBlob   = "blob"
)

func config(dir, dsn string) app.Config {
	return app.Config{Dir: dir, DSN: dsn, Listen: "127.0.0.1:0", Jurisdiction: "in", Clock: clock.System{}, AllowLoopback: true, Executable: os.Args[0], Version: "test",
		Desks:  []directory.Desk{directory.Clearinghouse, directory.Unit, directory.Holder},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
}

// child runs a node and writes to it until it is killed. A line on out acknowledges a write: its kind and its key.
func child(dir, dsn string, out io.Writer) error {
	ctx := context.Background()
	n, err := app.Start(ctx, config(dir, dsn))
	if err != nil {
		return err
	}
	list, err := prepare(ctx, n)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error, writers)
	for range writers {
		go func() {
			for {
				kind, key := []string{importList, enterTip, register, keepBlob}[rand.IntN(4)], fmt.Sprintf("%016x", rand.Uint64())
				if err := write(ctx, n.Rooms, list, kind, key); err != nil {
					if !errors.Is(err, errUndone) {
						failed <- fmt.Errorf("%s: %w", kind, err)
						return
					}
					continue
				}
				mu.Lock()
				fmt.Fprintln(out, kind, key)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// prepare sets a new node up with a list.
func prepare(ctx context.Context, n *app.Node) (list int64, err error) {
	if n.Rooms.Self.Profile().Agency == "" {
		if err := n.Rooms.Self.SetUp(directory.Profile{Agency: "unit", Name: "Unit", URL: n.URL, Jurisdiction: "in", Station: "PS-7"}); err != nil {
			return 0, err
		}
	}
	all, err := lists.All(ctx, n.Rooms.DB.Reader())
	if err != nil || len(all) > 0 {
		return 1, err
	}
	err = n.Rooms.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		list, err = n.Rooms.Lists.Create(ctx, tx, "kites", "unit")
		return err
	})
	return list, err
}

// hashes are what an import with a key enters.
func hashes(key string) (out []lists.Entry) {
	for i := range ofImport {
		sum := sha256.Sum256(fmt.Append(nil, key, i))
		out = append(out, lists.Entry{Kind: lists.SHA256, Value: hex.EncodeToString(sum[:]), Label: key})
	}
	return out
}

func content(key string) []byte { return []byte("content " + key) }

var errUndone = errors.New("undone")

// write makes one write. One in eight fails at its end: nothing of it may stay.
func write(ctx context.Context, n app.Rooms, list int64, kind, key string) error {
	fails := rand.IntN(8) == 0
	if fails {
		key = "undone" + key
	}
	return n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		switch kind {
		case importList:
			err = n.Lists.Add(ctx, tx, list, 0, hashes(key))
		case enterTip:
			_, err = n.Tips.Enter(ctx, tx, tip(key))
		case register:
			err = registerFIR(ctx, n, tx, key)
		case keepBlob:
			_, err = n.Vault.Put(ctx, tx, content(key))
		}
		if err == nil && fails {
			err = errUndone
		}
		return err
	})
}

func tip(key string) intake.Tip {
	return intake.Tip{Source: intake.FromComplaint, Class: intake.ClassMedia, ExternalRef: key, OccurredAt: store.Micros(time.Now().AddDate(0, -1, 0))}
}

// registerFIR opens a case over a tip of its own and registers it.
func registerFIR(ctx context.Context, n app.Rooms, tx *store.Tx, key string) error {
	t, err := n.Tips.Enter(ctx, tx, tip("of "+key))
	if err != nil {
		return err
	}
	c, err := n.Cases.OpenCase(ctx, tx, key, []int64{t.ID}, 0)
	if err != nil {
		return err
	}
	_, err = n.Cases.RegisterFIR(ctx, tx, c.ID)
	return err
}
