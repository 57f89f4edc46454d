package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Judgement is what can be said of a document offline. If Valid is false, Code and Reason say why, and the rest is what the
// document says of itself, which nobody has verified.
type Judgement struct {
	Valid       bool       `json:"valid"`
	Code        string     `json:"code,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	SHA256      string     `json:"sha256"`
	Instrument  string     `json:"instrument,omitempty"`
	ID          string     `json:"id,omitempty"`
	Number      string     `json:"number,omitempty"`
	Issuer      string     `json:"issuer,omitempty"`
	IssuerName  string     `json:"issuer_name,omitempty"`
	Fingerprint string     `json:"fingerprint,omitempty"` // of the issuer's root key
	Audience    string     `json:"audience,omitempty"`
	IssuedAt    time.Time  `json:"issued_at,omitzero"`
	Expires     time.Time  `json:"expires,omitzero"`
	Expired     bool       `json:"expired"` // at JudgedAt: it could not be received for the first time any more
	AgencyKey   *SignedBy  `json:"agency_key,omitempty"`
	Officer     *SignedBy  `json:"officer,omitempty"`
	Passkey     string     `json:"passkey,omitempty"` // verified, none
	JudgedAt    time.Time  `json:"judged_at"`
	Receipt     *Receipted `json:"receipt,omitempty"`
}

// SignedBy is one signer: an officer with name and rank as they were at signing, or the agency's key.
type SignedBy struct {
	Name             string    `json:"name,omitempty"`
	Rank             string    `json:"rank,omitempty"`
	AuthorisationRef string    `json:"authorisation_ref,omitempty"`
	KID              string    `json:"kid"`
	Revoked          bool      `json:"revoked"` // since
	RevokedAt        time.Time `json:"revoked_at,omitzero"`
}

// Receipted is what the addressee's signed acknowledgement says.
type Receipted struct {
	By         string    `json:"by"`
	Outcome    string    `json:"outcome"`
	Code       string    `json:"code,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
	DueAt      time.Time `json:"due_at,omitzero"`
}

// Judge verifies a document as its node kept it by an export, as of when it was received: at, or what the addressee's
// acknowledgement says, if there is one. An error is a fault of the export or of the acknowledgement.
func Judge(ctx context.Context, document, acknowledgement []byte, x *Export, at time.Time) (Judgement, error) {
	sum := sha256.Sum256(document)
	j := Judgement{SHA256: hex.EncodeToString(sum[:]), JudgedAt: at}
	d, kids, err := courier.Read(document)
	if err != nil {
		return j.refused(err), nil
	}
	j.Instrument, j.ID, j.Issuer, j.Audience, j.IssuedAt, j.Expires = d.Type, d.ID, d.Issuer, d.Audience, d.IssuedAt, d.Expires
	var body struct {
		Number string `json:"number"`
	}
	if json.Unmarshal(d.Body, &body) == nil {
		j.Number = body.Number
	}
	if x == nil {
		return j.refused(fault.Coded(fault.Refused, "no_directory", "the form is sound, but no signature was checked: name a directory file with --directory or a node with --dir")), nil
	}
	if acknowledgement != nil {
		if j.Receipt, err = receipt(ctx, acknowledgement, d, j.SHA256, x); err != nil {
			return j, err
		}
		j.JudgedAt = j.Receipt.ReceivedAt
	}
	archive, err := x.Open(j.JudgedAt)
	if err != nil {
		return j, err
	}
	if e, ok := archive.Newest(d.Issuer); ok {
		j.IssuerName, j.Fingerprint = e.Name, e.Root()
	}
	j.Expired = !j.JudgedAt.Before(d.Expires)
	for _, kid := range kids {
		if k, err := archive.PublicKey(ctx, d.Issuer, kid); err == nil {
			j.signed(kid, k)
		}
	}
	o, err := courier.Verify(ctx, document, j.JudgedAt, archive)
	if err != nil {
		return j.refused(err), nil
	}
	j.Valid = true
	if o.Officer != nil {
		j.Officer.Rank, j.Officer.AuthorisationRef = o.Officer.Rank, o.Officer.AuthorisationRef
		j.Passkey = "none"
		if o.Passkey != nil {
			j.Passkey = "verified"
		}
	}
	return j, nil
}

func (j *Judgement) signed(kid string, k courier.PublicKey) {
	s := &SignedBy{Name: k.Officer, Rank: k.Rank, AuthorisationRef: k.AuthorisationRef, KID: kid, Revoked: k.Revoked, RevokedAt: k.RevokedAt}
	if k.Officer == "" {
		j.AgencyKey = s
	} else {
		j.Officer = s
	}
}

func (j Judgement) refused(err error) Judgement {
	j.Code, j.Reason = fault.Code(err), fault.Message(err)
	return j
}

// receipt verifies an acknowledgement, as of when it was signed, and that it is of this document.
func receipt(ctx context.Context, b []byte, d courier.Document, sha256 string, x *Export) (*Receipted, error) {
	says, _, err := courier.Read(b)
	if err != nil {
		return nil, err
	}
	archive, err := x.Open(says.IssuedAt)
	if err != nil {
		return nil, err
	}
	o, err := courier.Verify(ctx, b, says.IssuedAt, archive)
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "the acknowledgement does not verify: %s", fault.Message(err))
	}
	var a courier.Answer
	if err := json.Unmarshal(o.Body, &a); err != nil || o.Type != courier.Acknowledgement || o.Issuer != d.Audience || a.Document != d.ID || !same(a.SHA256, sha256) {
		return nil, fault.Coded(fault.Refused, "other_document", "the acknowledgement is of another document, or not by the addressee")
	}
	return &Receipted{By: o.Issuer, Outcome: a.Outcome, Code: a.Code, ReceivedAt: store.Time(a.ReceivedAt), DueAt: store.Time(a.DueAt)}, nil
}
