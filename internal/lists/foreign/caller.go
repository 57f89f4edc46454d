package foreign

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// Fault codes of a Caller, of the kind Unavailable.
const (
	Broken  = "broken_off" // an answer did not come or did not end: too slow or cut
	Failing = "failing"    // the server answers with an error of its own, again and again
)

// Caller asks another party's server. The zero values of its limits are the usual ones.
type Caller struct {
	Base    string
	SignIn  func(*http.Request) // puts the credentials into a request
	HTTP    *http.Client        // from fetch.New
	MaxPage int64               // bytes of one answer; 0 is 32 MiB
	Timeout time.Duration       // of one exchange; 0 is a minute
	Pause   time.Duration       // before the second attempt, doubled before each further; 0 is 200 ms
}

const attempts = 5 // the first and four more, of GET only

// Get asks until there is an answer, the server refuses, or the attempts are used up.
func (c *Caller) Get(ctx context.Context, path string) ([]byte, error) {
	pause := c.Pause
	if pause == 0 {
		pause = 200 * time.Millisecond
	}
	for n := 1; ; n++ {
		b, again, err := c.attempt(ctx, http.MethodGet, path, "", nil)
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

// Send sends a body once: whoever calls keeps it until it is sent.
func (c *Caller) Send(ctx context.Context, method, path, kind string, body []byte) error {
	_, _, err := c.attempt(ctx, method, path, kind, body)
	return err
}

// attempt makes one exchange and says whether another may help.
func (c *Caller) attempt(ctx context.Context, method, path, kind string, body []byte) (answer []byte, again bool, err error) {
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
	c.SignIn(req)
	if body != nil {
		req.Header.Set("Content-Type", kind)
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
