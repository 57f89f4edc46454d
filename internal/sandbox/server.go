// Package sandbox is a small social server for demonstrations and tests. It serves the synthetic world of a story and speaks
// that part of Mastodon's client, streaming and admin API that the platforms connector uses, as Mastodon documents it
// (docs.joinmastodon.org, methods accounts, statuses, timelines, streaming, reports, admin/accounts; entities Account,
// Status, MediaAttachment, Admin::Account, Admin::Ip, Report).
//
// Where it differs from Mastodon, on purpose: a suspended account and its posts answer 410 and 404 instead of an empty profile; an
// account may be unsuspended twice; the admin view adds phone, name, and for each address the port and the kind of use.
package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/story"
)

// Config says what a server serves.
type Config struct {
	World      *story.World
	Clock      clock.Clock // what lies after its time does not exist yet; nil: the machine's
	Dir        string      // where acts and reports are kept; made if it does not exist
	AdminToken string      // opens the admin routes; empty: nothing opens them
	UserToken  string      // of an ordinary member, who may report but not administer; empty: none
	CacheBytes int64       // of media kept in memory; 0: 64 MiB
}

const (
	defaultCache = 64 << 20
	maxBody      = 64 << 10 // bytes of a request
)

// Server is a running social server. Use it as an http.Handler and Close it.
type Server struct {
	cfg   Config
	index index
	media *cache
	mux   *http.ServeMux

	mu    sync.RWMutex // guards ledger and what it holds
	acts  *ledger
	done  chan struct{} // closed by Close: ends the streams
	close sync.Once
}

// New opens a server. It reads back the acts of earlier runs, so that what was suspended stays so. Only one server at a time
// may use a folder: a second one is fault.Conflict.
func New(cfg Config) (*Server, error) {
	if cfg.World == nil {
		return nil, fault.New(fault.Invalid, "the sandbox needs a world to serve")
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCache
	}
	acts, err := openLedger(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, index: newIndex(cfg.World), media: newCache(cfg.CacheBytes), mux: http.NewServeMux(), acts: acts, done: make(chan struct{})}
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /health":                                s.health,
		"GET /media/{id}":                            s.mediaFile,
		"GET /api/v1/accounts/lookup":                s.lookup,
		"GET /api/v1/accounts/{id}":                  s.account,
		"GET /api/v1/accounts/{id}/statuses":         s.statuses,
		"GET /api/v1/statuses/{id}":                  s.status,
		"GET /api/v1/timelines/public":               s.timeline,
		"GET /api/v1/streaming/public":               s.stream,
		"POST /api/v1/reports":                       s.member(s.report),
		"GET /api/v1/admin/accounts/{id}":            s.admin(s.adminAccount),
		"POST /api/v1/admin/accounts/{id}/action":    s.admin(s.action),
		"POST /api/v1/admin/accounts/{id}/unsuspend": s.admin(s.unsuspend),
		"GET /sandbox/acts":                          s.admin(s.listActs),
		"GET /sandbox/reports":                       s.admin(s.listReports),
		"/": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusNotFound, "The page you are looking for isn't here.")
		},
	} {
		s.mux.HandleFunc(pattern, h)
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// Close ends the streams and closes the file of acts. Requests after it that would act fail.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		close(s.done)
		s.mu.Lock()
		defer s.mu.Unlock()
		err = s.acts.close()
	})
	return err
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("OK")) }

// admin lets only the administrator through. Mastodon answers 401 to a token it does not know and 403 to one that may not.
func (s *Server) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.bears(r, s.cfg.AdminToken):
			next(w, r)
		case s.bears(r, s.cfg.UserToken):
			refuse(w, http.StatusForbidden, "This action is not allowed")
		default:
			refuse(w, http.StatusUnauthorized, "The access token is invalid")
		}
	}
}

// member lets members and the administrator through.
func (s *Server) member(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.bears(r, s.cfg.AdminToken) && !s.bears(r, s.cfg.UserToken) {
			refuse(w, http.StatusUnauthorized, "The access token is invalid")
			return
		}
		next(w, r)
	}
}

// bears tells whether the request carries the token, which must not be empty.
func (s *Server) bears(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token)) // equal lengths: the comparison tells no length
	return ok && token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		slog.Debug("sandbox: the client went away", "error", err)
	}
}

// refuse answers an error as Mastodon does.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func notFound(w http.ResponseWriter) { refuse(w, http.StatusNotFound, "Record not found") }
