package directory

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/fault"
)

// Desk is a kind of work that a node can switch on (design: hotline, clearinghouse, bureau, unit, platform).
type Desk string

// The desks.
const (
	Hotline       Desk = "hotline"
	Clearinghouse Desk = "clearinghouse"
	Bureau        Desk = "bureau"
	Unit          Desk = "unit"
	Holder        Desk = "platform"
)

var desks = []Desk{Hotline, Clearinghouse, Bureau, Unit, Holder}

// ParseDesks reads a list such as "unit,platform".
func ParseDesks(list string) ([]Desk, error) {
	var out []Desk
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(desks, Desk(word)) {
			return nil, fault.New(fault.Invalid, "there is no desk %q; the desks are %v", word, desks)
		}
		out = append(out, Desk(word))
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "name at least one desk of %v", desks)
	}
	return out, nil
}

// Profile is who this node is; it is set once, at set-up, and kept in node.json.
type Profile struct {
	Agency       string `json:"agency"` // short id, such as "unit.capital"
	Name         string `json:"name"`
	URL          string `json:"url"` // where other nodes reach it
	Jurisdiction string `json:"jurisdiction"`
	Station      string `json:"station,omitempty"` // a police unit's station code, for FIR numbers
	Phone        string `json:"phone,omitempty"`   // for call-backs
}

// Self is the node's own identity: its profile and its keys. The keys lie in the node's folder, readable by its owner only.
type Self struct {
	Desks     []Desk
	Root      ed25519.PrivateKey // signs directory entries; its fingerprint is what others pin
	AgencyKey ed25519.PrivateKey
	AgencyKID string
	Decryptor *age.X25519Identity // opens data that holders produce for us
	NodeKey   []byte              // 32 bytes: names blobs
	Checkpoints,
	CheckpointVerifier string // note keys of the record
	profile Profile
	dir     string
	keys    keyFile
}

// keyFile is the form of keys.json.
type keyFile struct {
	Root, Agency []byte
	Age          string
	Node         []byte
	RecordSigner string
	RecordKey    string
	Successions  []string // of root keys, signed: see succession.go
}

// OpenSelf reads the node's keys from dir, or makes them if the folder has none; made says which.
func OpenSelf(dir string, on []Desk) (s *Self, made bool, err error) {
	s = &Self{Desks: on, dir: dir}
	var k keyFile
	b, err := os.ReadFile(s.keyPath())
	switch {
	case errors.Is(err, os.ErrNotExist):
		made = true
		if k, err = makeKeys(); err != nil {
			return nil, false, err
		}
		if b, err = json.Marshal(k); err != nil {
			return nil, false, err
		}
		if err = writeDurably(s.keyPath(), b, 0o600); err != nil {
			return nil, false, err
		}
	case err != nil:
		return nil, false, err
	default:
		if err = json.Unmarshal(b, &k); err != nil {
			return nil, false, fmt.Errorf("%s: %w", s.keyPath(), err)
		}
	}
	if len(k.Root) != ed25519.SeedSize || len(k.Agency) != ed25519.SeedSize || len(k.Node) != 32 {
		return nil, false, fmt.Errorf("%s is damaged; restore it from a backup", s.keyPath())
	}
	s.NodeKey = k.Node
	s.take(k)
	s.Checkpoints, s.CheckpointVerifier = k.RecordSigner, k.RecordKey
	if s.Decryptor, err = age.ParseX25519Identity(k.Age); err != nil {
		return nil, false, err
	}
	if b, err = os.ReadFile(s.profilePath()); err == nil {
		err = json.Unmarshal(b, &s.profile)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, false, err
	}
	return s, made, nil
}

// take makes the signing keys those of the key file.
func (s *Self) take(k keyFile) {
	s.keys = k
	s.Root, s.AgencyKey = ed25519.NewKeyFromSeed(k.Root), ed25519.NewKeyFromSeed(k.Agency)
	print := sha256.Sum256(s.AgencyKey.Public().(ed25519.PublicKey))
	s.AgencyKID = "agency-" + hex.EncodeToString(print[:8])
}

// RotateAgency replaces the key with which the agency countersigns. The old private key is gone when it returns. Publish
// the entry next; if a crash comes between, Book.Renew does.
func (s *Self) RotateAgency() error {
	k := s.keys
	k.Agency = make([]byte, ed25519.SeedSize)
	rand.Read(k.Agency)
	return s.keep(k)
}

// RotateRoot replaces the root key; the old one signs, as its last, that the new one follows it. The entry must be
// published next, as after RotateAgency.
func (s *Self) RotateRoot(at time.Time) error {
	k := s.keys
	k.Root = make([]byte, ed25519.SeedSize)
	rand.Read(k.Root)
	if len(k.Successions) >= maxSuccessions {
		return fault.New(fault.Conflict, "the root key was rotated %d times; set up a new root with every agency by phone instead", maxSuccessions)
	}
	statement, err := succeed(s.profile.Agency, s.Root, ed25519.NewKeyFromSeed(k.Root), at)
	if err != nil {
		return err
	}
	k.Successions = append(slices.Clone(k.Successions), statement)
	return s.keep(k)
}

func (s *Self) keep(k keyFile) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := writeDurably(s.keyPath(), b, 0o600); err != nil {
		return err
	}
	s.take(k)
	return nil
}

// ReadSelf is OpenSelf for a folder that has a node: it makes nothing, and does not know which desks the node runs.
func ReadSelf(dir string) (*Self, error) {
	if _, err := os.Stat(filepath.Join(dir, "keys.json")); err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "%s holds no node", dir)
	}
	s, _, err := OpenSelf(dir, nil)
	return s, err
}

func makeKeys() (k keyFile, err error) {
	k.Root, k.Agency, k.Node = make([]byte, ed25519.SeedSize), make([]byte, ed25519.SeedSize), make([]byte, 32)
	for _, b := range [][]byte{k.Root, k.Agency, k.Node} {
		rand.Read(b)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return k, err
	}
	k.Age = id.String()
	origin := make([]byte, 6)
	rand.Read(origin)
	k.RecordSigner, k.RecordKey, err = note.GenerateKey(rand.Reader, "raksha.example/record/"+hex.EncodeToString(origin))
	return k, err
}

func (s *Self) keyPath() string     { return filepath.Join(s.dir, "keys.json") }
func (s *Self) profilePath() string { return filepath.Join(s.dir, "node.json") }

// Profile gives who the node is; the agency is empty before set-up.
func (s *Self) Profile() Profile { return s.profile }

// SetUp says who the node is, once.
func (s *Self) SetUp(p Profile) error {
	if p.Agency == "" || p.Name == "" || p.URL == "" || p.Jurisdiction == "" || strings.ContainsAny(p.Agency, " /:") {
		return fault.New(fault.Invalid, "a node needs an agency id (no spaces, slashes or colons), a name, a URL and a jurisdiction")
	}
	if s.profile.Agency != "" && s.profile.Agency != p.Agency {
		return fault.New(fault.Conflict, "this node is set up already, as %s", s.profile.Agency)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := writeDurably(s.profilePath(), append(b, '\n'), 0o600); err != nil {
		return err
	}
	s.profile = p
	return nil
}

// RootPublic gives the public half of the root key.
func (s *Self) RootPublic() ed25519.PublicKey { return s.Root.Public().(ed25519.PublicKey) }

// AgencyPublic gives the agency key as base64, as entries carry it.
func (s *Self) AgencyPublic() string {
	return base64.StdEncoding.EncodeToString(s.AgencyKey.Public().(ed25519.PublicKey))
}

// writeDurably replaces a file so that after a crash either the old or the new one is there.
func writeDurably(path string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
