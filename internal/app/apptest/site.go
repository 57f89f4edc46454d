package apptest

import (
	"context"
	"net/http/httptest"
	"testing"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/sandbox"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/story"
)

// AdminToken is the owner's token of a Site.
const AdminToken = "test-admin-token-0001"

// Site is a social server with the world of a small story.
type Site struct {
	*sandbox.Server
	World *story.World
	URL   string
}

// NewSite starts a social server whose time is c's. path leads to the story file.
func NewSite(t testing.TB, path string, c clock.Clock) *Site {
	t.Helper()
	file, err := story.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{}
	if s.World, err = story.Generate(file, story.Options{}); err != nil {
		t.Fatal(err)
	}
	if s.Server, err = sandbox.New(sandbox.Config{World: s.World, Clock: c, Dir: t.TempDir(), AdminToken: AdminToken}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Server)
	s.URL = server.URL
	t.Cleanup(func() { s.Server.Close(); server.Close() })
	return s
}

// Connect makes the node reach the site, with the owner's token or without, and fills a list with what the story lists.
func (s *Site) Connect(n *Node, token string) {
	n.t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		if err := n.Register.Connect(ctx, tx, platforms.Platform{Host: story.Host, Name: "Chirp", Kind: "mastodon", BaseURL: s.URL}, token); err != nil {
			return err
		}
		id, err := n.Lists.Create(ctx, tx, "story", n.Agency)
		if err != nil {
			return err
		}
		var entries []lists.Entry
		for _, e := range s.World.List {
			entries = append(entries, lists.Entry{Kind: e.Kind, Value: e.Value, Label: e.Label})
		}
		return n.Lists.Add(ctx, tx, id, 0, entries)
	})
}
