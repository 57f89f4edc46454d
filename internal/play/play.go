// Package play retells a story on this machine: it starts a node for each organisation and a small social server as child
// processes, and plays the officers through the HTTP API that people's consoles use.
//
// The player knows what an officer can know: what the API answers, the complaint file, the reports that services send, the list
// that the clearinghouse keeps, and what it sees in a picture. Every step carries its name as idempotency key, so that a
// demonstration that was cut off goes on where it stopped when it is started again in the same folder.
package play

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/story"
)

// Config says what is played, and where.
type Config struct {
	Exe      string // the raksha binary that the children run
	Dir      string // made if it does not exist; one that holds a story goes on with it
	Story    string // a story file; empty: the one that the folder holds, or else the built-in one
	Pictures string // a folder of JPEGs that are posted beside the story's own
	List     string // a file of further hashes for the clearinghouse's list, one a line
	Progress func(stage, text string)

	// Databases are PostgreSQL addresses by node; a node without one has SQLite in its folder. A folder that was begun with them needs
	// them again.
	Databases map[string]string
}

// Demo is a story being played. Open it, Start it, Play it, Close it.
type Demo struct {
	cfg   Config
	kept  kept
	world *story.World
	when  schedule
	zone  *time.Location

	client   *http.Client
	children *family
	nodes    map[string]*node
	people   map[string]*officer // by node/username
	lock     *os.File
	started  time.Time
}

// node is one organisation's node.
type node struct {
	name        string
	base        string // http://127.0.0.1:port
	dir         string
	fingerprint string // of its root key, as its people would give it over the phone
}

// Open reads what a folder holds or prepares it, and refuses a folder that another demonstration uses or that holds another story.
func Open(cfg Config) (*Demo, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string, string) {}
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the folder %s cannot be made: %v", dir, err)
	}
	d := &Demo{cfg: cfg, nodes: map[string]*node{}, people: map[string]*officer{}}
	if d.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		d.lock.Close()
		return nil, err
	}
	return d, nil
}

// lockFolder keeps two demonstrations out of one folder. The lock goes with the process.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Conflict, "another demonstration runs in %s; stop it or choose another folder with --dir", dir)
	}
	return f, nil
}

func (d *Demo) prepare() (err error) {
	if d.kept, err = keep(d.cfg); err != nil {
		return err
	}
	if d.world, err = story.Generate(d.kept.Story, story.Options{PicturesDir: d.kept.Pictures}); err != nil {
		return err
	}
	d.when = newSchedule(d.kept.Story)
	d.zone = d.kept.Story.Start.Location()
	d.client = fetch.New(fetch.Options{AllowLoopback: true, Timeout: 10 * time.Minute})
	for _, name := range nodeNames {
		d.nodes[name] = &node{name: name, base: fmt.Sprintf("http://127.0.0.1:%d", d.kept.Ports[name]), dir: filepath.Join(d.cfg.Dir, name)}
	}
	for _, p := range cast(d.kept.Story) {
		d.people[p.id()] = &officer{part: p, node: d.nodes[p.node], password: d.kept.Passwords[p.id()], client: d.client}
	}
	return nil
}

// Start brings up the social server and the nodes and waits until they answer.
func (d *Demo) Start(ctx context.Context) error {
	d.started = time.Now()
	if err := clock.Advance(d.clockPath(), d.when.setUp); err != nil {
		return err
	}
	if err := d.writeHoldings(); err != nil {
		return err
	}
	token := filepath.Join(d.cfg.Dir, "admin-token")
	if err := writeFile(token, []byte(d.kept.AdminToken+"\n")); err != nil {
		return err
	}
	d.children = newFamily(d.cfg.Exe, d.cfg.Dir)
	args := []string{"sandbox", "--dir", filepath.Join(d.cfg.Dir, sandboxName), "--listen", fmt.Sprintf("127.0.0.1:%d", d.kept.Ports[sandboxName]),
		"--clock", d.clockPath(), "--admin-token-file", token}
	if d.kept.HasStoryFile {
		args = append(args, "--story", filepath.Join(d.cfg.Dir, storyName))
	}
	if d.kept.Pictures != "" {
		args = append(args, "--pictures", d.kept.Pictures)
	}
	d.children.start(sandboxName, args)
	for _, name := range nodeNames {
		d.children.start(name, append([]string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", d.kept.Ports[name]),
			"--desks", desks[name], "--clock", d.clockPath(), "--allow-loopback",
			"--allow-weak-confinement"}, d.place(name)...)) // the only pictures are those that the social server paints
	}
	for _, name := range append([]string{sandboxName}, nodeNames...) {
		url := fmt.Sprintf("http://127.0.0.1:%d/health", d.kept.Ports[name])
		if name != sandboxName {
			url = d.nodes[name].base + "/api/v1/node"
		}
		if err := d.ready(ctx, name, url); err != nil {
			return err
		}
	}
	d.say("start", "six nodes and the social server %s answer", story.Host)
	return nil
}

// place is where a node keeps what it has, as options of commands.
func (d *Demo) place(name string) []string {
	options := []string{"--dir", d.nodes[name].dir}
	if dsn := d.cfg.Databases[name]; dsn != "" {
		options = append(options, "--database", dsn)
	}
	return options
}

const readyTime = 60 * time.Second // for a node to open its database on a busy machine

// ready waits until a child answers.
func (d *Demo) ready(ctx context.Context, name, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := d.client.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "%s does not answer; its log is %s", name, filepath.Join(d.cfg.Dir, name+".log"))
		case err := <-d.children.failed:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Play plays the whole story, or what is left of it, and gives the figures that the nodes answer.
func (d *Demo) Play(ctx context.Context) (Summary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case err := <-d.children.failed:
			cancel(err)
		case <-done:
		}
	}()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"set-up", d.setUp}, {"before", d.before}, {"complaint", d.complaint}, {"case", d.caseWork}, {"orders", d.orders},
		{"answers", d.answers}, {"accounting", d.accounting}, {"information", d.information}, {"attribution", d.attribution},
	} {
		if err := step.run(ctx); err != nil {
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
				err = cause
			}
			return Summary{}, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return d.summarise(ctx)
}

// Close ends the children and frees the folder.
func (d *Demo) Close() error {
	if d.children != nil {
		d.children.stop()
	}
	return d.lock.Close()
}

// Story gives the story that is played.
func (d *Demo) Story() story.File { return d.kept.Story }

// Dir gives the folder, absolute.
func (d *Demo) Dir() string { return d.cfg.Dir }

func (d *Demo) clockPath() string { return filepath.Join(d.cfg.Dir, "clock") }

// at moves the story's time forward. It never goes back, so a step that is played again changes nothing.
func (d *Demo) at(t time.Time) error { return clock.Advance(d.clockPath(), t) }

func (d *Demo) say(stage, format string, args ...any) {
	d.cfg.Progress(stage, fmt.Sprintf(format, args...))
}

// writeFile replaces a file that only its owner may read, whole or not at all.
func writeFile(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "new*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // after the rename there is nothing to remove
	if _, err = tmp.Write(b); err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Failed tells when a child keeps ending and the demonstration cannot go on.
func (d *Demo) Failed() <-chan error { return d.children.failed }
