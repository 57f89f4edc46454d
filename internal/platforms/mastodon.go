package platforms

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

const (
	pageSize  = 40       // the most that Mastodon gives in one page of statuses
	jsonLimit = 16 << 20 // bytes of one JSON answer; a page of 40 long posts is under 1 MiB
	userAgent = "Raksha/1"
)

// Mastodon reads one Mastodon server and, with its owner's token, acts on it. What the public sees is always asked for
// without the token, so that a test whether an account is gone tells what anybody would see.
//
// Errors have these kinds: 404 and 410 fault.NotFound, 401 and 403 fault.Forbidden, 422 and other 4xx fault.Invalid,
// 429, 5xx, unreadable answers and the network fault.Unavailable. A callback's error comes back as it is.
type Mastodon struct {
	host, base, token string
	client            *http.Client
}

// NewMastodon makes a connector. host is the platform's public name, base the URL at which this node reaches it, such
// as http://127.0.0.1:8080. With an empty adminToken it has the public view only. client comes from fetch.New.
func NewMastodon(host, base, adminToken string, client *http.Client) *Mastodon {
	return &Mastodon{host: host, base: strings.TrimRight(base, "/"), token: adminToken, client: client}
}

// Host gives the platform's public name.
func (m *Mastodon) Host() string { return m.host }

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	form         url.Values
	signed       bool // carry the token
}

// call makes one call and decodes the JSON answer into out, which may be nil.
func (m *Mastodon) call(ctx context.Context, r request, out any) (http.Header, error) {
	resp, err := m.send(ctx, m.client, r)
	if err != nil {
		return nil, err
	}
	body, err := fetch.ReadAll(resp, jsonLimit)
	if err != nil {
		return nil, m.unreadable(ctx, err)
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, m.unreadable(ctx, err)
	}
	return resp.Header, nil
}

// send makes one call and gives an answer of status 2xx.
func (m *Mastodon) send(ctx context.Context, client *http.Client, r request) (*http.Response, error) {
	if r.signed && m.token == "" {
		return nil, fault.New(fault.Forbidden, "no administrator token for %s is configured, so this node can only read what is public there", m.host)
	}
	u := m.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.form != nil {
		body = strings.NewReader(r.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the base URL of %s cannot be used; check the configuration", m.host)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "application/json")
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.signed {
		req.Header.Set("Authorization", "Bearer "+m.token)
	}
	return m.do(ctx, client, req)
}

// do sends req and turns an unwanted status into an error.
func (m *Mastodon) do(ctx context.Context, client *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := client.Do(req)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case fault.Of(err) != fault.Internal:
		return nil, err
	default:
		return nil, fault.Wrap(err, fault.Unavailable, "%s does not answer; try again later", m.host)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, m.problem(resp)
}

// problem gives the error for an answer that is not 2xx.
func (m *Mastodon) problem(resp *http.Response) error {
	var said struct {
		Error string `json:"error"`
	}
	if b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil {
		json.Unmarshal(b, &said) // an answer without a message is told by its status alone
	}
	text := http.StatusText(resp.StatusCode)
	if line := strings.Join(strings.Fields(said.Error), " "); line != "" {
		text = strings.ToValidUTF8(line[:min(len(line), 200)], "")
	}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault.New(fault.NotFound, "%s has no such account, post or file (%d %s)", m.host, code, text)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fault.New(fault.Forbidden, "%s does not allow this with the configured token (%d %s)", m.host, code, text)
	case code == http.StatusTooManyRequests:
		return fault.Coded(fault.Unavailable, "rate_limited", "%s asks for fewer requests; try again in some minutes", m.host)
	case code >= 400 && code < 500:
		return fault.New(fault.Invalid, "%s does not accept the request (%d %s)", m.host, code, text)
	default:
		return fault.New(fault.Unavailable, "%s cannot answer now (%d %s); try again later", m.host, code, text)
	}
}

// unreadable gives the error for an answer that broke off or is not what Mastodon documents.
func (m *Mastodon) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Wrap(err, fault.Unavailable, "the answer of %s cannot be read; see that its base URL is that of a Mastodon server", m.host)
}

// segment makes an id part of a path.
func segment(id string) (string, error) {
	if id == "" || len(id) > 64 || strings.ContainsAny(id, "/?#%\\") || strings.Trim(id, ".") == "" {
		return "", fault.New(fault.Invalid, "%.80q is no id of an account or a post", id)
	}
	return url.PathEscape(id), nil
}
