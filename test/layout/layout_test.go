// Package layout holds the tests that keep the house in order: who may import whom, and where what stands.
package layout

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "raksha.example/raksha"

// The rooms of internal/, bottom up. A package that is named nowhere here is a surface.
var (
	foundation = []string{"clock", "fault", "pace", "proof", "spreadsheet", "store", "record", "vault", "rules", "identity", "directory", "jobs", "fetch", "media",
		"platforms", "selector", "courier"}
	stages = []string{"lists", "intake", "scan", "triage", "filing", "casework", "evidence", "orders", "enforcement", "attribution", "statistics", "paper"}
)

// public are the libraries that others may import.
var public = []string{"pdq", "hamming", "vpdq"}

func TestLayout(t *testing.T) {
	problems, packages, err := check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if packages < 10 {
		t.Fatalf("only %d packages were found: the test looks in the wrong place", packages)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// check applies every rule to every package below root.
func check(root fs.FS) (problems []string, packages int, err error) {
	all, err := load(root)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range all {
		for _, f := range p.files {
			for _, rule := range []func(string, file) []string{imports, libraries, serving, outgoing, decoding, statements, truth} {
				for _, what := range rule(p.path, f) {
					problems = append(problems, f.name+": "+what)
				}
			}
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems), len(all), nil
}

// room gives the part of internal/ that a package stands in: "store" for internal/store/storetest.
func room(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "internal/")
	first, _, _ := strings.Cut(rest, "/")
	return first, ok
}

// imports: the foundation knows nothing of stages, a stage nothing of later stages, and neither anything of surfaces.
func imports(path string, f file) (out []string) {
	from, ok := room(path)
	if f.test || !ok {
		return nil
	}
	stage := slices.Index(stages, from)
	if stage < 0 && !slices.Contains(foundation, from) {
		return nil
	}
	for _, target := range f.imports {
		inside, ours := strings.CutPrefix(target, module+"/")
		to, internal := room(inside)
		switch {
		case !ours || slices.Contains(foundation, to):
		case !internal: // public libraries and data; commands cannot be imported
		case slices.Contains(stages, to):
			if stage < 0 {
				out = append(out, fmt.Sprintf("the foundation imports the stage %s", to))
			} else if slices.Index(stages, to) > stage {
				out = append(out, fmt.Sprintf("the stage %s imports the later stage %s", from, to))
			}
		default:
			out = append(out, fmt.Sprintf("%s imports %s, which is neither foundation nor stage (if it is, tell this test)", from, to))
		}
	}
	return out
}

// libraries: what others import drags nothing in.
func libraries(path string, f file) (out []string) {
	if f.test || !under(path, public...) {
		return nil
	}
	for _, target := range f.imports {
		first, _, _ := strings.Cut(target, "/")
		inside, ours := strings.CutPrefix(target, module+"/")
		switch {
		case ours && under(inside, public...):
		case !ours && !strings.Contains(first, "."): // the standard library
		case target == "golang.org/x/sys" || strings.HasPrefix(target, "golang.org/x/sys/"):
		default:
			out = append(out, fmt.Sprintf("a public library imports %s", target))
		}
	}
	return out
}

var servers = []string{"Server", "Serve", "ServeTLS", "ListenAndServe", "ListenAndServeTLS", "ServeMux", "NewServeMux", "Handle", "HandleFunc",
	"Handler", "HandlerFunc", "ResponseWriter"}

// serving: HTTP is answered in api and console, assembled in app; the sandbox plays a server of its own, which the command line starts.
func serving(path string, f file) (out []string) {
	if f.test || under(path, "internal/api", "internal/console", "internal/sandbox", "internal/app", "cmd/raksha") {
		return nil
	}
	for _, target := range f.imports {
		if strings.HasPrefix(target, "github.com/danielgtaylor/huma/") {
			out = append(out, "it imports huma: HTTP is answered in internal/api and internal/console")
		}
	}
	for _, name := range servers {
		if f.uses["net/http."+name] {
			out = append(out, fmt.Sprintf("it uses http.%s: HTTP is answered in internal/api and internal/console", name))
		}
	}
	return out
}

// outgoing: only fetch opens outgoing connections. Clients that speak to loopback alone are handed in by whoever starts them; a
// measurement loads the node that it started itself.
func outgoing(path string, f file) (out []string) {
	if f.test || under(path, "internal/fetch", "bench/load") {
		return nil
	}
	for _, name := range []string{"net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm", "net/http.DefaultClient",
		"net/http.DefaultTransport", "net/http.Transport", "net.Dial", "net.DialTimeout", "net.Dialer", "net.DialTCP", "net.DialUDP", "crypto/tls.Dial"} {
		if f.uses[name] {
			out = append(out, fmt.Sprintf("it uses %s: only internal/fetch opens outgoing connections", name))
		}
	}
	return out
}

// decoding: within a node only media touches untrusted image bytes; the story draws the pictures of demonstrations, and the
// public pdq library decodes JPEG for those who import it.
func decoding(path string, f file) (out []string) {
	if f.test || under(path, "internal/media", "internal/story", "bench", "pdq") {
		return nil
	}
	for _, target := range f.imports {
		for _, decoder := range []string{"image/jpeg", "image/png", "image/gif", "golang.org/x/image/webp", "golang.org/x/image/bmp",
			"golang.org/x/image/tiff", "golang.org/x/image/vp8", "github.com/gen2brain"} {
			if under(target, decoder) {
				out = append(out, fmt.Sprintf("it imports %s: only internal/media decodes images", target))
			}
		}
	}
	return out
}

// statements: SQL stands in stages and foundation, never beside pages.
func statements(path string, f file) (out []string) {
	if f.test || !under(path, "internal/console") {
		return nil
	}
	for _, target := range f.imports {
		if target == "database/sql" {
			out = append(out, "it imports database/sql: SQL stands in stages and foundation")
		}
	}
	return out
}

// truth: nothing but tests asks what the story's generator hid.
func truth(path string, f file) []string {
	if !f.test && !under(path, "internal/story") && (f.selects["Truth"] || f.uses[module+"/internal/story.Truth"]) {
		return []string{"it asks for the story's Truth, which is for tests only"}
	}
	return nil
}

// under says whether path is one of roots or below one.
func under(path string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return path == root || strings.HasPrefix(path, root+"/") })
}

// Every rule is one that can be broken.
func TestRules(t *testing.T) {
	source := func(body string, imports ...string) *fstest.MapFile {
		text := "package p\n"
		for _, i := range imports {
			text += fmt.Sprintf("import %q\n", i)
		}
		return &fstest.MapFile{Data: []byte(text + body)}
	}
	for name, c := range map[string]struct {
		path string
		file *fstest.MapFile
		want string // empty: allowed
	}{
		"foundation to stage":       {"internal/store/a.go", source("", module+"/internal/scan"), "the foundation imports the stage scan"},
		"below foundation to stage": {"internal/store/storetest/a.go", source("", module+"/internal/scan"), "the foundation imports the stage scan"},
		"foundation to surface":     {"internal/courier/a.go", source("", module+"/internal/console"), "courier imports console"},
		"stage to later stage":      {"internal/scan/a.go", source("", module+"/internal/orders"), "the stage scan imports the later stage orders"},
		"stage to earlier stage":    {"internal/orders/a.go", source("", module+"/internal/scan", module+"/internal/store", module+"/pdq"), ""},
		"stage to surface":          {"internal/orders/a.go", source("", module+"/internal/story"), "orders imports story"},
		"a stage's test":            {"internal/scan/a_test.go", source("", module+"/internal/sandbox"), ""},
		"surface to stage":          {"internal/app/a.go", source("", module+"/internal/statistics"), ""},
		"library to module":         {"pdq/a.go", source("", "pgregory.net/rapid"), "a public library imports pgregory.net/rapid"},
		"library to internal":       {"vpdq/a.go", source("", module+"/internal/fault"), "a public library imports " + module},
		"library to library":        {"vpdq/a.go", source("", module+"/pdq", "golang.org/x/sys/cpu", "math/bits"), ""},
		"a stage that serves":       {"internal/scan/a.go", source("func f(http.ResponseWriter) {}", "net/http"), "it uses http.ResponseWriter"},
		"a stage that listens":      {"internal/scan/a.go", source("import h `net/http`\nvar s = h.Server{}"), "it uses http.Server"},
		"a stage with huma":         {"internal/scan/a.go", source("", "github.com/danielgtaylor/huma/v2"), "it imports huma"},
		"a console that serves":     {"internal/console/a.go", source("func f(http.ResponseWriter) {}", "net/http"), ""},
		"a client":                  {"internal/platforms/a.go", source("func f(c *http.Client) { c.Get(http.MethodGet) }", "net/http"), ""},
		"a dial":                    {"internal/platforms/a.go", source("var c = http.DefaultClient", "net/http"), "only internal/fetch opens"},
		"a decoder":                 {"internal/console/a.go", source("", "image/png"), "only internal/media decodes"},
		"a system decoder":          {"internal/scan/a.go", source("", "github.com/gen2brain/webp"), "only internal/media decodes"},
		"SQL in a page":             {"internal/console/a.go", source("", "database/sql"), "SQL stands in"},
		"truth":                     {"internal/demo/a.go", source("func f(w *story.World) { w.Truth() }", module+"/internal/story"), "the story's Truth"},
		"truth's type":              {"internal/demo/a.go", source("var t story.Truth", module+"/internal/story"), "the story's Truth"},
		"truth in a test":           {"internal/demo/a_test.go", source("func f(w *story.World) { w.Truth() }", module+"/internal/story"), ""},
		"a generator":               {"hamming/a.go", &fstest.MapFile{Data: []byte("//go:build ignore\n\npackage main\nimport \"github.com/mmcloughlin/avo/build\"\n")}, ""},
		"a file of another system":  {"pdq/a_other.go", &fstest.MapFile{Data: []byte("//go:build !linux\n\npackage pdq\nimport \"example.org/x\"\n")}, "a public library imports example.org/x"},
	} {
		t.Run(name, func(t *testing.T) {
			problems, _, err := check(fstest.MapFS{c.path: c.file})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(problems) > 0 {
				t.Errorf("refused: %q", problems)
			}
			if c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.want)) {
				t.Errorf("problems %q, want one with %q", problems, c.want)
			}
		})
	}
}
