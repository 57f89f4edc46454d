package platforms

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

const (
	lineLimit = 1 << 20         // bytes of one line of a stream; a status is under 100 KiB
	silence   = 2 * time.Minute // Mastodon sends a comment line every 15 s; longer silence is a dead connection
)

// Stream calls fn for every public post as it is written or edited (GET /api/v1/streaming/public). It returns ctx's
// error when ctx ends, fn's error, or a fault.Unavailable when the stream breaks: then read Backlog from the last post
// seen and stream again. Servers since Mastodon 4.2 want a token for it.
func (m *Mastodon) Stream(ctx context.Context, fn func(Post) error) error {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()

	client := *m.client
	client.Timeout = 0 // the stream has no end; silence is what is limited
	resp, err := m.send(fetch.Endless(alive), &client, request{method: http.MethodGet, path: "/api/v1/streaming/public", signed: m.token != ""})
	if err != nil {
		return m.broken(ctx, err)
	}
	defer resp.Body.Close()
	events := bufio.NewReaderSize(resp.Body, lineLimit)
	for {
		name, data, err := readEvent(events, func() { watch.Reset(silence) })
		if err != nil {
			return m.broken(ctx, err)
		}
		if name != "update" && name != "status.update" {
			continue
		}
		var s statusJSON
		if err := json.Unmarshal(data, &s); err != nil {
			return m.unreadable(ctx, err)
		}
		if s.ID == "" || !s.own() {
			continue
		}
		watch.Stop() // what fn takes is no silence of the platform
		if err := fn(s.post(m.host)); err != nil {
			return err
		}
		watch.Reset(silence)
	}
}

// broken gives the error for a stream that ended.
func (m *Mastodon) broken(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "the stream of %s has been silent for %v", m.host, silence)
	case fault.Of(err) != fault.Internal:
		return err
	default:
		return fault.Wrap(err, fault.Unavailable, "the stream of %s broke off", m.host)
	}
}

// readEvent reads one server-sent event (HTML standard, section 9.2): its name and its data. It calls onLine for every
// line, comments included. A line or an event over lineLimit is a fault.TooLarge.
func readEvent(r *bufio.Reader, onLine func()) (name string, data []byte, err error) {
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(data)+len(line) > lineLimit {
			return "", nil, fault.New(fault.TooLarge, "an event of the stream is larger than %d bytes", lineLimit)
		}
		if err != nil { // the standard drops an event without its empty line
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", nil, err
		}
		onLine()
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if name != "" || data != nil {
				return name, data, nil
			}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
	}
}
