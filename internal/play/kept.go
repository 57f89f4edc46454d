package play

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/story"
)

const (
	sandboxName = "sandbox"
	keptName    = "demo.json"
	storyName   = "story.yaml"
	listName    = "list.txt"
)

// nodeNames are the nodes in the order in which they are shown; the agency's id is the same word.
var nodeNames = []string{"commission", "unit", "platform", "clearinghouse", "bureau", "holder"}

// desks says which desk each node switches on. The holder is a telecom and a bank in one: anyone who holds data is a platform desk.
var desks = map[string]string{"commission": "hotline", "unit": "unit", "platform": "platform", "clearinghouse": "clearinghouse", "bureau": "bureau", "holder": "platform"}

// kept is what a folder remembers of its demonstration: what cannot be asked of a node. It holds passwords, so only its owner may
// read it.
type kept struct {
	Story        story.File        `json:"story"`
	HasStoryFile bool              `json:"has_story_file"` // false: the built-in story
	Pictures     string            `json:"pictures,omitempty"`
	List         bool              `json:"list"` // there is a file of further hashes
	Ports        map[string]int    `json:"ports"`
	Passwords    map[string]string `json:"passwords"` // by node/username
	AdminToken   string            `json:"admin_token"`
}

// keep reads what a folder remembers, or makes it.
func keep(cfg Config) (kept, error) {
	path := filepath.Join(cfg.Dir, keptName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return begin(cfg, path)
	}
	if err != nil {
		return kept{}, err
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return k, fault.Wrap(err, fault.Invalid, "%s is not readable; choose another folder with --dir", path)
	}
	return k, k.same(cfg)
}

// same refuses to go on with another story than the one that was begun.
func (k kept) same(cfg Config) error {
	if cfg.Story != "" {
		f, err := story.Load(cfg.Story)
		if err != nil {
			return err
		}
		given, err1 := json.Marshal(f)
		begun, err2 := json.Marshal(k.Story)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if !bytes.Equal(given, begun) {
			return fault.New(fault.Conflict, "%s holds another story than %s; choose another folder with --dir", cfg.Dir, cfg.Story)
		}
	}
	if cfg.Pictures != "" {
		dir, err := filepath.Abs(cfg.Pictures)
		if err != nil {
			return err
		}
		if dir != k.Pictures {
			return fault.New(fault.Conflict, "the story in %s was begun without the pictures of %s; choose another folder with --dir", cfg.Dir, cfg.Pictures)
		}
	}
	if cfg.List != "" && !k.List {
		return fault.New(fault.Conflict, "the story in %s was begun without the hashes of %s; choose another folder with --dir", cfg.Dir, cfg.List)
	}
	return nil
}

// begin makes what a new folder remembers. The file is written last: a folder without it is begun anew.
func begin(cfg Config, path string) (k kept, err error) {
	k = kept{Story: story.Default(), Ports: map[string]int{}, Passwords: map[string]string{}, AdminToken: rand.Text()}
	if cfg.Story != "" {
		if k.Story, err = story.Load(cfg.Story); err != nil {
			return k, err
		}
		if err := copyFile(filepath.Join(cfg.Dir, storyName), cfg.Story); err != nil {
			return k, err
		}
		k.HasStoryFile = true
	}
	if cfg.Pictures != "" {
		if k.Pictures, err = filepath.Abs(cfg.Pictures); err != nil {
			return k, err
		}
		if info, err := os.Stat(k.Pictures); err != nil || !info.IsDir() {
			return k, fault.New(fault.NotFound, "there is no folder of pictures %s", cfg.Pictures)
		}
	}
	if cfg.List != "" {
		b, err := os.ReadFile(cfg.List)
		if err != nil {
			return k, fault.Wrap(err, fault.NotFound, "the list %s cannot be read: %v", cfg.List, err)
		}
		if _, err := lists.ParseEntries(string(b)); err != nil {
			return k, fault.Wrap(err, fault.Invalid, "the list %s: %s", cfg.List, fault.Message(err))
		}
		if err := writeFile(filepath.Join(cfg.Dir, listName), b); err != nil {
			return k, err
		}
		k.List = true
	}
	if k.Ports, err = freePorts(append([]string{sandboxName}, nodeNames...)); err != nil {
		return k, err
	}
	for _, p := range cast(k.Story) {
		k.Passwords[p.id()] = rand.Text()
	}
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return k, err
	}
	return k, writeFile(path, b)
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, b)
}

// freePorts finds a free loopback port for each name. They are asked for all at once, so that no two are the same.
func freePorts(names []string) (map[string]int, error) {
	ports := map[string]int{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// writeHoldings writes what the holder of payment handles and numbers knows, as the export that its node reads.
func (d *Demo) writeHoldings() error {
	b, err := json.Marshal(d.world.Holdings())
	if err != nil {
		return err
	}
	return writeFile(d.holdingsPath(), b)
}

func (d *Demo) holdingsPath() string { return filepath.Join(d.cfg.Dir, "holdings.json") }
