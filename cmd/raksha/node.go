package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// runningNode is a node that a command asks over HTTP.
type runningNode struct {
	URL  string `name:"url" default:"http://127.0.0.1:8470" placeholder:"URL" help:"The node, which runs; the environment variable RAKSHA_TOKEN holds a session's token, or a credential's."`
	JSON bool   `name:"json" help:"Print JSON."`

	purpose string // for which restricted material is read
}

const (
	askLimit  = 256 << 20 // bytes of an answer that is read whole
	askTime   = time.Minute
	fileTime  = time.Hour // of a file that is sent or taken
	errorSize = 64 << 10
)

// ask sends a JSON body, or none, and reads a JSON answer.
func (n runningNode) ask(ctx context.Context, method, path string, body, answer any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	resp, err := n.open(ctx, method, path, "application/json", r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(io.LimitReader(resp.Body, askLimit)).Decode(answer)
}

// open sends a request and gives the answer, whose body the caller closes. A refusal is a fault with what the node said.
func (n runningNode) open(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	token := os.Getenv("RAKSHA_TOKEN")
	if token == "" {
		return nil, fault.New(fault.Unsigned, "put a session's token, or a credential's, into the environment variable RAKSHA_TOKEN")
	}
	base, err := url.Parse(n.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fault.New(fault.Invalid, "%q is no URL of a node", n.URL)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(n.URL, "/")+path, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%q is no URL of a node", n.URL)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if n.purpose != "" {
		req.Header.Set("Purpose", n.purpose)
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if n.purpose != "" {
		req.Header.Set("Purpose", n.purpose)
	}
	resp, err := fetch.New(fetch.Options{AllowLoopback: true, HTTPSOnly: true, Timeout: -1, MaxBytes: -1}).Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no answer from %s: %v", n.URL, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, errorSize))
	if err != nil {
		return nil, err
	}
	var p struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = resp.Status
	}
	return nil, fault.New(fault.Refused, "the node answered: %s", p.Detail)
}
