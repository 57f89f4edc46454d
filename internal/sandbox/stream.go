package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	pollEvery = 100 * time.Millisecond // how often a stream looks at the clock
	beatEvery = 15 * time.Second       // as Mastodon: a comment line shows that the stream lives
)

// stream sends each public post when the clock reaches it, as server-sent events, until the client or the server goes. It starts
// with the instant of the request: what came before is in the timeline.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "private, no-store")
	next := s.view().ahead(0)
	fmt.Fprint(w, ":)\n")
	if out.Flush() != nil {
		return
	}
	poll, beat := time.NewTicker(pollEvery), time.NewTicker(beatEvery)
	defer poll.Stop()
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		case <-beat.C:
			fmt.Fprint(w, ":thump\n")
		case <-poll.C:
			v := s.view()
			until := v.ahead(next)
			if until == next {
				continue
			}
			for ; next < until; next++ {
				if !v.shown(next) {
					continue
				}
				b, err := json.Marshal(v.status(next, base(r)))
				if err != nil {
					return
				}
				if _, err := fmt.Fprintf(w, "event: update\ndata: %s\n\n", b); err != nil {
					return
				}
			}
		}
		if out.Flush() != nil {
			return
		}
	}
}

// ahead gives the index of the first post, from an index on, that the clock has not reached.
func (v view) ahead(from int) int {
	for from < len(v.world.Posts) && !v.world.Posts[from].CreatedAt.After(v.now) {
		from++
	}
	return from
}
