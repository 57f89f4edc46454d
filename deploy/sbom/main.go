// Command sbom lists what a built binary consists of, as CycloneDX 1.6 in JSON (ECMA-424): the Go toolchain and every
// module that the linker put in, with the checksums of go.sum, and the packages of npm lock files. It reads only what it is
// given, and the same input gives the same bytes.
//
//	go run ./deploy/sbom -o bin/raksha.cdx.json bin/raksha test/browser/package-lock.json
//
// Packages that a lock file marks as for development only are listed with the scope "excluded": they test Raksha and are no
// part of it.
package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

func main() {
	out := flag.String("o", "", "file to write; without it standard output")
	flag.Usage = func() { fmt.Fprintln(flag.CommandLine.Output(), "usage: sbom [-o FILE] BINARY [LOCKFILE...]") }
	flag.Parse()
	if flag.NArg() < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*out, flag.Arg(0), flag.Args()[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(out, binary string, locks []string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%s is no binary built by Go: %w", binary, err)
	}
	sum, err := fileSum(binary)
	if err != nil {
		return err
	}
	b := ofBinary(info, sum)
	for _, name := range locks {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		packages, err := ofLock(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.Components = append(b.Components, packages...)
	}
	text, err := b.finish()
	if err != nil {
		return err
	}
	if out == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// bom is a CycloneDX document, as far as it is used here.
type bom struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []hashed   `json:"hashes,omitempty"`
	Licenses   []license  `json:"licenses,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hashed struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type license struct {
	Expression string `json:"expression"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// ofBinary lists what `go version -m` shows.
func ofBinary(info *buildinfo.BuildInfo, sum string) bom {
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1}
	b.Metadata.Component = component{Type: "application", Ref: "raksha", Name: path.Base(info.Path), Version: info.Main.Version, Hashes: []hashed{{"SHA-256", sum}}}
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags", "CGO_ENABLED", "GOOS", "GOARCH", "vcs.revision", "vcs.modified":
			b.Metadata.Component.Properties = append(b.Metadata.Component.Properties, property{"raksha:go:" + s.Key, s.Value})
		}
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	b.Components = append(b.Components, component{Type: "library", Ref: "pkg:golang/std@" + version, Name: "std", Version: version, Scope: "required", PURL: "pkg:golang/std@" + version})
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		// The package-URL type golang is lower case; what go.sum holds is no hash of a file, and so stands in a property.
		purl := "pkg:golang/" + strings.ToLower(d.Path) + "@" + strings.ReplaceAll(d.Version, "+", "%2B")
		b.Components = append(b.Components, component{Type: "library", Ref: purl, Name: d.Path, Version: d.Version, Scope: "required", PURL: purl,
			Properties: []property{{"raksha:go:sum", d.Sum}}})
	}
	return b
}

// ofLock lists the packages of a package-lock.json of version 3.
func ofLock(text []byte) (out []component, err error) {
	var lock struct {
		Version  int `json:"lockfileVersion"`
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
			License   string `json:"license"`
			Dev       bool   `json:"dev"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	if lock.Version != 3 {
		return nil, fmt.Errorf("a lock file of version %d, not 3", lock.Version)
	}
	for at, p := range lock.Packages {
		i := strings.LastIndex(at, "node_modules/")
		if i < 0 {
			continue // the package that the lock file is of
		}
		name := at[i+len("node_modules/"):]
		purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version
		c := component{Type: "library", Ref: purl, Name: name, Version: p.Version, Scope: "required", PURL: purl}
		if p.Dev {
			c.Scope = "excluded"
		}
		if p.License != "" {
			c.Licenses = []license{{p.License}}
		}
		if sum, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("%s: its integrity is not readable: %w", name, err)
			}
			c.Hashes = []hashed{{"SHA-512", hex.EncodeToString(raw)}}
		}
		out = append(out, c)
	}
	return out, nil
}

// finish sorts, tells what depends on what, and numbers the document by its content.
func (b bom) finish() ([]byte, error) {
	slices.SortFunc(b.Components, func(x, y component) int { return cmp.Or(cmp.Compare(x.Ref, y.Ref), cmp.Compare(y.Scope, x.Scope)) })
	b.Components = slices.CompactFunc(b.Components, func(x, y component) bool { return x.Ref == y.Ref })
	root := dependency{Ref: b.Metadata.Component.Ref}
	for _, c := range b.Components {
		if c.Scope == "required" {
			root.DependsOn = append(root.DependsOn, c.Ref)
		}
	}
	b.Dependencies = []dependency{root}
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8 (RFC 9562 s.5.8)
	b.Serial = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	text, err = json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}
