package ncmec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// Environments are the addresses under which NCMEC serves the protocol, by the names that the field's clients give them. Who may
// use which is NCMEC's to say.
var Environments = map[string]string{
	"Industry":              "https://report.cybertip.org/hashsharing",
	"Industry_Exploitative": "https://report.cybertip.org/exploitative-hashsharing",
	"LawEnforcement":        "https://lesp.ncmec.org/csam-hashsharing",
	"NGO":                   "https://hashsharing.ncmec.org/npo",
	"Exploitative":          "https://hashsharing.ncmec.org/exploitative",
	"test_Industry":         "https://exttest.cybertip.org/hashsharing",
	"test_NGO":              "https://hashsharing-test.ncmec.org/npo",
	"test_Exploitative":     "https://hashsharing-test.ncmec.org/exploitative",
}

// Types are the hashes on which a vote can be cast, as paths name them, and the element of each.
var Types = map[string]string{"MD5": "md5", "SHA1": "sha1", "PDNA": "pdna", "PDQ": "pdq", "NETCLEAN": "netclean", "VIDENTIFIER": "videntifier",
	"TMK_PDQF": "tmk-pdqf", "SSVH_PDNA": "ssvh-pdna", "SSVH_SAFER_HASH": "ssvh-safer-hash"}

// Fault codes beside Corrupt.
const (
	Broken  = "broken_off" // an answer did not come or did not end: too slow or cut
	Failing = "failing"    // the server answers with an error of its own, again and again
)

// Client asks a server. The zero values of its limits are the protocol's usual ones.
type Client struct {
	Base               string // without /v2
	Username, Password string
	HTTP               *http.Client  // from fetch.New
	MaxPage            int64         // bytes of one answer; 0 is 32 MiB
	Timeout            time.Duration // of one exchange; 0 is a minute
	Pause              time.Duration // before the second attempt, doubled before each further; 0 is 200 ms
}

const attempts = 5 // the first and four more, of GET only

// Status asks who the caller is.
func (c *Client) Status(ctx context.Context) (string, Member, error) {
	b, err := c.get(ctx, "/v2/status")
	if err != nil {
		return "", Member{}, err
	}
	return ReadStatus(b)
}

// Members asks who puts entries on the list.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	b, err := c.get(ctx, "/v2/members")
	if err != nil {
		return nil, err
	}
	return ReadMembers(b)
}

// Reasons asks for the reasons of a negative vote on hashes of a type.
func (c *Client) Reasons(ctx context.Context, kind string) ([]Reason, error) {
	b, err := c.get(ctx, "/v2/feedback/"+url.PathEscape(kind)+"/reasons")
	if err != nil {
		return nil, err
	}
	return ReadReasons(b)
}

// Entries asks for the first page of what changed after from and up to to, both in whole seconds. ReadPage reads the answer.
func (c *Client) Entries(ctx context.Context, from, to time.Time) ([]byte, error) {
	q := url.Values{"from": {from.UTC().Format(TimeForm)}, "to": {to.UTC().Format(TimeForm)}}
	return c.get(ctx, "/v2/entries?"+q.Encode())
}

// Next asks for a further page; its path must have passed CheckNext.
func (c *Client) Next(ctx context.Context, next string) ([]byte, error) { return c.get(ctx, next) }

// Vote sends a vote on one hash of an entry. kind is one of Types. It is tried once: the caller keeps it until it is sent.
func (c *Client) Vote(ctx context.Context, member int64, entry, kind string, f Feedback) error {
	var body bytes.Buffer
	if err := WriteFeedback(&body, f); err != nil {
		return err
	}
	path := fmt.Sprintf("/v2/entries/%d/%s/%s/feedback", member, url.PathEscape(entry), url.PathEscape(kind))
	_, _, err := c.do(ctx, http.MethodPut, path, body.Bytes())
	return err
}

// get asks until there is an answer, the server refuses, or the attempts are used up.
func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	pause := c.Pause
	if pause == 0 {
		pause = 200 * time.Millisecond
	}
	for n := 1; ; n++ {
		b, again, err := c.do(ctx, http.MethodGet, path, nil)
		if err == nil || !again || n == attempts || fault.Code(err) == Broken && n == 2 || ctx.Err() != nil {
			return b, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		pause *= 2
	}
}

// do makes one attempt and says whether another may help.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (answer []byte, again bool, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.Base, "/")+path, in)
	if err != nil {
		return nil, false, fault.New(fault.Invalid, "%.200q is no address", c.Base)
	}
	req.SetBasicAuth(c.Username, c.Password)
	if body != nil {
		req.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	// Credentials belong to this server alone: a redirect is told and not followed.
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	host := req.URL.Host
	switch {
	case whole.Err() != nil:
		return nil, false, whole.Err()
	case errors.Is(err, fault.Refused):
		return nil, false, err
	case ctx.Err() != nil:
		return nil, true, fault.Coded(fault.Unavailable, Broken, "%s did not answer within %s", host, timeout)
	case err != nil:
		return nil, true, fault.Wrap(err, fault.Unavailable, "%s cannot be reached: %v", host, cause(err))
	}
	limit := c.MaxPage
	if limit == 0 {
		limit = 32 << 20
	}
	b, err := fetch.ReadAll(resp, limit)
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		return nil, false, fault.New(fault.Refused, "%s sends the request elsewhere (%.100q); credentials are not sent there. If the address has changed, change it here", host, resp.Header.Get("Location"))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, false, fault.New(fault.Forbidden, "%s refuses the credentials (status %d)", host, status)
	case status == http.StatusInternalServerError:
		return nil, true, fault.Coded(fault.Unavailable, Failing, "%s answers with an error of its own (status %d)", host, status)
	case status == http.StatusTooManyRequests || status >= 502 && status <= 504:
		return nil, true, fault.New(fault.Unavailable, "%s is not available (status %d)", host, status)
	case status != http.StatusOK && status != http.StatusCreated && status != http.StatusNoContent:
		return nil, false, fault.New(fault.Invalid, "%s answers with status %d", host, status)
	case errors.Is(err, fault.TooLarge):
		return nil, false, err
	case err != nil && whole.Err() != nil:
		return nil, false, whole.Err()
	case err != nil:
		return nil, true, fault.Coded(fault.Unavailable, Broken, "the answer of %s broke off, or did not end within %s", host, timeout)
	}
	return b, false, nil
}

// cause gives the inmost part of a network error: its outer ones repeat the address.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
