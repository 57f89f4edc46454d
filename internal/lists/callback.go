package lists

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/store"
)

// Callbacks send results of screening to the platform that asked, until it takes them. Each is signed with the agency's key, which
// stands in its directory entry (RFC 9421, HTTP message signatures, over method, address, digest of the body and delivery number).
type Callbacks struct {
	jobs   *jobs.Queue
	client *http.Client
	kid    string
	key    ed25519.PrivateKey
}

// DeliveryHeader carries the number of a delivery: one that is tried again bears the same.
const DeliveryHeader = "Raksha-Delivery"

type callback struct {
	URL      string `json:"url"`
	Body     []byte `json:"body"`
	Delivery string `json:"delivery"`
}

// Kind implements jobs.Args.
func (callback) Kind() string { return "screen_callback" }

// NewCallbacks makes the sender.
func NewCallbacks(q *jobs.Queue, client *http.Client, kid string, key ed25519.PrivateKey) *Callbacks {
	c := &Callbacks{jobs: q, client: client, kid: kid, key: key}
	jobs.Register(q, c.send)
	return c
}

// Send enters a delivery in the caller's transaction.
func (c *Callbacks) Send(ctx context.Context, tx *store.Tx, address string, body []byte) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) || u.User != nil {
		return fault.New(fault.Invalid, "a callback is an https address without a password")
	}
	id := make([]byte, 16)
	rand.Read(id)
	return c.jobs.Enqueue(ctx, tx, callback{URL: u.String(), Body: body, Delivery: hex.EncodeToString(id)})
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Callbacks) send(ctx context.Context, job callback) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, job.URL, bytes.NewReader(job.Body))
	if err != nil {
		return jobs.Permanent(err)
	}
	sum := sha256.Sum256(job.Body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":") // RFC 9530
	req.Header.Set(DeliveryHeader, job.Delivery)
	// RFC 9421 s.2.5: the parameters stand at the end of what is signed.
	params := fmt.Sprintf(`("@method" "@target-uri" "content-digest" "raksha-delivery");created=%d;keyid="%s";alg="ed25519"`, time.Now().Unix(), c.kid)
	base := fmt.Sprintf("\"@method\": POST\n\"@target-uri\": %s\n\"content-digest\": %s\n\"raksha-delivery\": %s\n\"@signature-params\": %s",
		job.URL, req.Header.Get("Content-Digest"), job.Delivery, params)
	req.Header.Set("Signature-Input", "raksha="+params)
	req.Header.Set("Signature", "raksha=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(c.key, []byte(base)))+":")
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("callback: %w", err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("callback: %s answered with status %d", req.URL.Host, resp.StatusCode)
	}
	return nil
}
