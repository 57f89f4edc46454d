package stopncii

import (
	"bytes"
	"context"
	"encoding/json"
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

// Base is where StopNCII serves the protocol.
const Base = "https://api.stopncii.org/v1"

// Start is the time from which a first fetch asks, in seconds.
const Start = 10

// PageSize is how many records a page is asked for.
const PageSize = 800

// Failing is the fault code of a server that answers with an error of its own, again and again.
const Failing = "failing"

// Client asks the service. The zero values of its limits are the usual ones.
type Client struct {
	Base            string
	FunctionKey     string
	SubscriptionKey string
	HTTP            *http.Client  // from fetch.New
	MaxPage         int64         // bytes of one answer; 0 is 32 MiB
	Timeout         time.Duration // of one exchange; 0 is a minute
	Pause           time.Duration // before the second attempt, doubled before each further; 0 is 200 ms
}

const attempts = 5

// Fetch asks for a page of what changed since an instant (seconds). ReadPage reads the answer.
func (c *Client) Fetch(ctx context.Context, since int64, token string, size int) ([]byte, error) {
	q := url.Values{"startTimestamp": {fmt.Sprint(since)}, "pageSize": {fmt.Sprint(size)}}
	if token != "" {
		q.Set("nextPageToken", token)
	}
	pause := c.Pause
	if pause == 0 {
		pause = 200 * time.Millisecond
	}
	for n := 1; ; n++ {
		b, again, err := c.do(ctx, http.MethodGet, "/FetchHashes?"+q.Encode(), nil)
		if err == nil || !again || n == attempts || ctx.Err() != nil {
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

// Feedback is what a platform says of a hash. Value is one of Values.
type Feedback struct {
	Hash  string   `json:"hashValue"`
	Tags  []string `json:"tags"`
	Value string   `json:"feedbackValue"`
}

// Values are what a feedback may say.
var Values = []string{"None", "QualityUnknown", "PendingReview", "Blocked", "NotBlocked", "Withdrawn", "Deleted"}

// Submit sends feedback. It is tried once: the caller keeps it until it is sent.
func (c *Client) Submit(ctx context.Context, all []Feedback) error {
	for i := range all {
		if all[i].Tags == nil {
			all[i].Tags = []string{}
		}
	}
	b, err := json.Marshal(map[string]any{"count": len(all), "hashFeedbacks": all})
	if err != nil {
		return err
	}
	_, _, err = c.do(ctx, http.MethodPost, "/SubmitFeedback", b)
	return err
}

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
	req.Header.Set("x-functions-key", c.FunctionKey)
	req.Header.Set("Ocp-Apim-Subscription-Key", c.SubscriptionKey)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// The keys belong to this server alone: a redirect is told and not followed.
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
		return nil, true, fault.Coded(fault.Unavailable, Failing, "%s did not answer within %s", host, timeout)
	case err != nil:
		return nil, true, fault.Wrap(err, fault.Unavailable, "%s cannot be reached", host)
	}
	limit := c.MaxPage
	if limit == 0 {
		limit = 32 << 20
	}
	b, err := fetch.ReadAll(resp, limit)
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		return nil, false, fault.New(fault.Refused, "%s sends the request elsewhere; its keys are not sent there", host)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, false, fault.New(fault.Forbidden, "%s refuses the keys (status %d)", host, status)
	case status == http.StatusTooManyRequests || status >= 502 && status <= 504:
		return nil, true, fault.New(fault.Unavailable, "%s is not available (status %d)", host, status)
	case status == http.StatusInternalServerError:
		return nil, true, fault.Coded(fault.Unavailable, Failing, "%s answers with an error of its own (status %d)", host, status)
	case status < 200 || status > 299:
		return nil, false, fault.New(fault.Invalid, "%s answers with status %d", host, status)
	case errors.Is(err, fault.TooLarge):
		return nil, false, err
	case err != nil && whole.Err() != nil:
		return nil, false, whole.Err()
	case err != nil:
		return nil, true, fault.Coded(fault.Unavailable, Failing, "the answer of %s broke off, or did not end within %s", host, timeout)
	}
	return b, false, nil
}
