package record

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/store"
)

// TimestampTable tells the record which rows of an Authority to answer for.
var TimestampTable = Table{Name: "record_timestamp"}

const maxToken = 64 << 10 // bytes of an authority's answer

// Authority is a time-stamping authority (RFC 3161) that this node asks, from time to time, to sign the newest checkpoint: the
// entries before it then existed at the latest at that time, whatever this node's clock says.
type Authority struct {
	URL    string
	Roots  *x509.CertPool // pinned: the authority's certificate, or the one that issued it
	Client *http.Client

	db    *store.DB
	log   *Log
	clock clock.Clock

	mu      sync.Mutex
	failure string // guarded by mu: of the last attempt; "" if it succeeded
}

// NewAuthority makes the node's client of an authority. pinned is one or more certificates in PEM.
func NewAuthority(db *store.DB, log *Log, c clock.Clock, client *http.Client, url string, pinned []byte) (*Authority, error) {
	roots, err := PinnedRoots(pinned)
	if err != nil {
		return nil, err
	}
	return &Authority{URL: url, Roots: roots, Client: client, db: db, log: log, clock: c}, nil
}

// PinnedRoots reads certificates in PEM: fault.Invalid if there is none.
func PinnedRoots(b []byte) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the time-stamping authority's certificate cannot be read: %v", err)
		}
		pool.AddCert(c)
		n++
	}
	if n == 0 {
		return nil, fault.New(fault.Invalid, "the file of the time-stamping authority holds no certificate in PEM")
	}
	return pool, nil
}

// Timestamp is a checkpoint's time as an authority signed it.
type Timestamp struct {
	ID        int64  `json:"id"`
	Size      int64  `json:"size"`       // of the checkpoint
	Authority string `json:"authority"`  // where it was asked for
	Token     string `json:"token"`      // RFC 3161 TimeStampToken in DER, base64
	StampedAt int64  `json:"stamped_at"` // microseconds UTC, by the authority's clock
}

// Timestamps lists the tokens, oldest first.
func Timestamps(ctx context.Context, q store.Queryer) ([]Timestamp, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (t Timestamp, err error) {
		return t, rows.Scan(&t.ID, &t.Size, &t.Authority, &t.Token, &t.StampedAt)
	}, "SELECT id, size, authority, token, stamped_at FROM record_timestamp ORDER BY id")
}

// Failure says what went wrong at the last attempt; "" if nothing did.
func (a *Authority) Failure() string { a.mu.Lock(); defer a.mu.Unlock(); return a.failure }

// Stamp has the newest checkpoint signed by the authority, unless nothing but time-stamps was recorded since the last one. It gives
// the checkpoint's size, 0 if there was nothing to do.
func (a *Authority) Stamp(ctx context.Context) (size int64, err error) {
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failure = ""
		if err != nil {
			a.failure = fault.Message(err)
		}
	}()
	q := a.db.Reader()
	c, err := newest(ctx, q)
	if fault.Of(err) == fault.NotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var others int64
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM record_entry WHERE leaf >= (SELECT COALESCE(MAX(size), 0) FROM record_timestamp) AND object <> 'record_timestamp'`).Scan(&others)
	if err != nil || others == 0 {
		return 0, err
	}
	token, at, err := a.ask(ctx, c.Note)
	if err != nil {
		return 0, err
	}
	return c.Size, a.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := a.log.Insert(ctx, tx, "record_timestamp", "record.timestamped", time.Time{}, Fields{"size": c.Size, "authority": a.URL,
			"token": base64.StdEncoding.EncodeToString(token), "stamped_at": at})
		return err
	})
}

// ask sends the request (RFC 3161 s.2.4.1, over HTTP as s.3.4 says) and verifies the answer.
func (a *Authority) ask(ctx context.Context, note string) (token []byte, at time.Time, err error) {
	sum := sha256.Sum256([]byte(note))
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, at, err
	}
	request, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, at, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(request))
	if err != nil {
		return nil, at, fault.Wrap(err, fault.Invalid, "%.200q is no address of a time-stamping authority", a.URL)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	resp, err := a.Client.Do(req)
	if err != nil {
		return nil, at, fault.Wrap(err, fault.Unavailable, "the time-stamping authority %s does not answer", a.URL)
	}
	b, err := fetch.ReadAll(resp, maxToken)
	if err != nil {
		return nil, at, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, at, fault.New(fault.Unavailable, "the time-stamping authority %s answered with status %d", a.URL, resp.StatusCode)
	}
	t, err := guarded(func() (*timestamp.Timestamp, error) { return timestamp.ParseResponse(b) })
	if err != nil {
		return nil, at, fault.Wrap(err, fault.Refused, "the time-stamping authority %s gave no time-stamp: %v", a.URL, err)
	}
	if t.Nonce == nil || t.Nonce.Cmp(nonce) != 0 {
		return nil, at, fault.New(fault.Refused, "the time-stamping authority %s answered another request", a.URL)
	}
	at, err = CheckToken(t.RawToken, note, a.Roots)
	return t.RawToken, at, err
}

// CheckToken verifies offline that an authority under roots signed a checkpoint at a time, and gives the time: fault.Refused says
// what does not fit. The authority's certificate is judged at that time and must be one for time-stamping (RFC 3161 s.2.3).
func CheckToken(token []byte, note string, roots *x509.CertPool) (at time.Time, err error) {
	if len(token) > maxToken {
		return at, fault.New(fault.Refused, "the time-stamp is larger than %d bytes", maxToken)
	}
	t, err := guarded(func() (*timestamp.Timestamp, error) { return timestamp.Parse(token) })
	if err != nil {
		return at, fault.Wrap(err, fault.Refused, "the time-stamp cannot be read: %v", err)
	}
	sum := sha256.Sum256([]byte(note))
	if t.HashAlgorithm != crypto.SHA256 || !bytes.Equal(t.HashedMessage, sum[:]) {
		return at, fault.New(fault.Refused, "the time-stamp is over something else than the checkpoint")
	}
	_, err = guarded(func() (struct{}, error) { return struct{}{}, chain(token, t.Time, roots) })
	if err != nil {
		return at, fault.Wrap(err, fault.Refused, "the time-stamp is not by the pinned authority: %v", err)
	}
	return t.Time.UTC(), nil
}

// chain verifies the signature and the path to a pinned certificate.
func chain(token []byte, at time.Time, roots *x509.CertPool) error {
	p, err := pkcs7.Parse(token)
	if err != nil {
		return err
	}
	if len(p.Signers) != 1 || len(p.Certificates) == 0 {
		return errors.New("it carries no certificate, or not one signature")
	}
	between := x509.NewCertPool()
	for _, c := range p.Certificates {
		between.AddCert(c)
	}
	return p.VerifyWithOpts(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
}

// guarded turns a panic of the parser into an error: the bytes are another's.
func guarded[T any](parse func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	return parse()
}

// VerifyTimestamps checks every token against its checkpoint and the pinned certificates, offline, and calls problem for each that
// does not hold. That none is missing the fold shows.
func VerifyTimestamps(ctx context.Context, q store.Queryer, roots *x509.CertPool, problem func(format string, args ...any)) (n int64, err error) {
	all, err := Timestamps(ctx, q)
	if err != nil {
		return 0, err
	}
	for _, t := range all {
		n++
		var text string
		err := q.QueryRowContext(ctx, "SELECT note FROM record_checkpoint WHERE size = $1", t.Size).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			problem("time-stamp %d: there is no checkpoint of size %d", t.ID, t.Size)
			continue
		}
		if err != nil {
			return n, err
		}
		token, err := base64.StdEncoding.DecodeString(t.Token)
		if err != nil {
			problem("time-stamp %d (of size %d): its token cannot be read", t.ID, t.Size)
			continue
		}
		at, err := CheckToken(token, text, roots)
		switch {
		case err != nil:
			problem("time-stamp %d (of size %d): %s", t.ID, t.Size, fault.Message(err))
		case store.Micros(at) != t.StampedAt:
			problem("time-stamp %d (of size %d): its row says another time than its token", t.ID, t.Size)
		}
	}
	return n, nil
}
