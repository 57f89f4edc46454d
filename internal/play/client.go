package play

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
)

// officer is a person at a node, who signs in as themselves and acts through the API.
type officer struct {
	part
	node     *node
	password string
	client   *http.Client

	mu    sync.Mutex
	token string // guarded by mu
}

// refusal is what a node answers when it does not do a thing.
type refusal struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	asked  string // the request, for whoever reads the error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s: %d %s", r.asked, r.Status, r.Detail)
}

// refusedWith says whether err is a node's refusal with one of these statuses.
func refusedWith(err error, statuses ...int) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, s := range statuses {
		if r.Status == s {
			return true
		}
	}
	return false
}

// get reads from the API.
func get[T any](ctx context.Context, o *officer, path string) (v T, err error) {
	b, err := o.call(ctx, http.MethodGet, path, "", "application/json", nil)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err
}

// post does a step that is called key, once, however often it is asked for.
func post[T any](ctx context.Context, o *officer, key, path string, body any) (v T, err error) {
	if body == nil {
		body = struct{}{}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return v, err
	}
	if b, err = o.call(ctx, http.MethodPost, path, key, "application/json", b); err != nil || len(bytes.TrimSpace(b)) == 0 {
		return v, err
	}
	return v, json.Unmarshal(b, &v)
}

// nothing is the answer of a step whose answer does not matter.
type nothing = json.RawMessage

// patience is how long an unreachable node is asked again: it may be starting anew. Steps are idempotent, so asking twice is safe.
const patience = 60 * time.Second

// call asks until it gets an answer, and signs in when it must.
func (o *officer) call(ctx context.Context, method, path, key, kind string, body []byte) ([]byte, error) {
	until := time.Now().Add(patience)
	proved := false
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		b, err := o.once(ctx, method, path, key, kind, body)
		switch {
		case err == nil:
			return b, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case refusedWith(err, http.StatusUnauthorized) && !o.service && o.forget():
			continue
		case refusedCode(err, "step_up") && !proved:
			if err := o.prove(ctx); err != nil {
				return nil, err
			}
			proved = true
			continue
		case fault.Of(err) == fault.Unavailable, refusedWith(err, http.StatusServiceUnavailable, http.StatusBadGateway):
			if time.Now().After(until) {
				return nil, err
			}
		default:
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// purpose is what the officer's reads are logged with.
func (o *officer) purpose() string {
	if o.node.name == "unit" {
		return "Investigation on the Commission's complaint"
	}
	return "Handling of what this agency received and sent"
}

// refusedCode says whether err is a node's refusal with this code.
func refusedCode(err error, code string) bool {
	var r *refusal
	return errors.As(err, &r) && r.Code == code
}

// prove is the step-up: the officer enters the password once more.
func (o *officer) prove(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"password": o.password})
	if err != nil {
		return err
	}
	_, err = o.once(ctx, http.MethodPost, "/api/v1/session/proof", "", "application/json", body)
	return err
}

// forget drops a session that the node no longer knows, and says whether there was one.
func (o *officer) forget() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	had := o.token != ""
	o.token = ""
	return had
}

func (o *officer) once(ctx context.Context, method, path, key, kind string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, o.node.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", kind)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	req.Header.Set("Purpose", o.purpose())
	if o.service {
		req.SetBasicAuth(o.username, o.password)
	} else {
		token, err := o.signIn(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return send(o.client, req)
}

// signIn gives the session's token, and opens a session if there is none.
func (o *officer) signIn(ctx context.Context) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token != "" {
		return o.token, nil
	}
	body, err := json.Marshal(map[string]string{"username": o.username, "password": o.password})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.node.base+"/api/v1/session", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	b, err := send(o.client, req)
	if err != nil {
		return "", err
	}
	var session struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(b, &session); err != nil {
		return "", err
	}
	o.token = session.Token
	return o.token, nil
}

const maxAnswer = 32 << 20 // bytes

// send does one exchange. A node that cannot be reached is fault.Unavailable.
func send(client *http.Client, req *http.Request) ([]byte, error) {
	asked := req.Method + " " + req.URL.Host + req.URL.Path
	resp, err := client.Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s: no answer: %v", asked, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s: the answer broke off: %v", asked, err)
	}
	if resp.StatusCode < 300 {
		return b, nil
	}
	r := &refusal{asked: asked}
	if err := json.Unmarshal(b, r); err != nil || r.Detail == "" {
		r.Detail = string(bytes.TrimSpace(b[:min(len(b), 300)]))
	}
	r.Status = resp.StatusCode
	return nil, r
}
