package stopncii

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"raksha.example/raksha/internal/lists/foreign"
)

// Base is where StopNCII serves the protocol.
const Base = "https://api.stopncii.org/v1"

// Start is the time from which a first fetch asks, in seconds.
const Start = 10

// PageSize is how many records a page is asked for.
const PageSize = 800

// Client asks the service.
type Client struct{ foreign.Caller }

// NewClient makes a client with the two keys that the service gives. The address and limits are those of c.
func NewClient(c foreign.Caller, functionKey, subscriptionKey string) *Client {
	c.SignIn = func(r *http.Request) {
		r.Header.Set("x-functions-key", functionKey)
		r.Header.Set("Ocp-Apim-Subscription-Key", subscriptionKey)
	}
	return &Client{c}
}

// Fetch asks for a page of what changed since an instant (seconds). ReadPage reads the answer.
func (c *Client) Fetch(ctx context.Context, since int64, token string, size int) ([]byte, error) {
	q := url.Values{"startTimestamp": {fmt.Sprint(since)}, "pageSize": {fmt.Sprint(size)}}
	if token != "" {
		q.Set("nextPageToken", token)
	}
	return c.Get(ctx, "/FetchHashes?"+q.Encode())
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
	return c.Send(ctx, http.MethodPost, "/SubmitFeedback", "application/json", b)
}
