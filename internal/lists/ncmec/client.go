package ncmec

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"raksha.example/raksha/internal/lists/foreign"
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

// Client asks a server by the protocol.
type Client struct{ foreign.Caller }

// NewClient makes a client of the server at c.Base, which ends before /v2.
func NewClient(c foreign.Caller, username, password string) *Client {
	c.SignIn = func(r *http.Request) { r.SetBasicAuth(username, password) }
	return &Client{c}
}

// Status asks who the caller is.
func (c *Client) Status(ctx context.Context) (string, Member, error) {
	b, err := c.Get(ctx, "/v2/status")
	if err != nil {
		return "", Member{}, err
	}
	return ReadStatus(b)
}

// Members asks who puts entries on the list.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	b, err := c.Get(ctx, "/v2/members")
	if err != nil {
		return nil, err
	}
	return ReadMembers(b)
}

// Reasons asks for the reasons of a negative vote on hashes of a type.
func (c *Client) Reasons(ctx context.Context, kind string) ([]Reason, error) {
	b, err := c.Get(ctx, "/v2/feedback/"+url.PathEscape(kind)+"/reasons")
	if err != nil {
		return nil, err
	}
	return ReadReasons(b)
}

// Entries asks for the first page of what changed after from and up to to, both in whole seconds. ReadPage reads the answer.
func (c *Client) Entries(ctx context.Context, from, to time.Time) ([]byte, error) {
	q := url.Values{"from": {from.UTC().Format(TimeForm)}, "to": {to.UTC().Format(TimeForm)}}
	return c.Get(ctx, "/v2/entries?"+q.Encode())
}

// Next asks for a further page; its path must have passed CheckNext.
func (c *Client) Next(ctx context.Context, next string) ([]byte, error) { return c.Get(ctx, next) }

// Vote sends a vote on one hash of an entry. kind is one of Types. It is tried once: the caller keeps it until it is sent.
func (c *Client) Vote(ctx context.Context, member int64, entry, kind string, f Feedback) error {
	var body bytes.Buffer
	if err := WriteFeedback(&body, f); err != nil {
		return err
	}
	path := fmt.Sprintf("/v2/entries/%d/%s/%s/feedback", member, url.PathEscape(entry), url.PathEscape(kind))
	return c.Send(ctx, http.MethodPut, path, "application/xml; charset=utf-8", body.Bytes())
}
