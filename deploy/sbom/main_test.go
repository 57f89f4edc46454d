package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const lock = `{"lockfileVersion":3,"packages":{"":{"name":"x"},
"node_modules/@a/kite":{"version":"1.2.3","integrity":"sha512-AAEC","license":"MIT"},
"node_modules/basket/node_modules/river":{"version":"2.0.0","dev":true}}}`

// The test's own binary is one that Go has built.
func TestOfThisBinary(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lockFile := filepath.Join(dir, "package-lock.json")
	if err := os.WriteFile(lockFile, []byte(lock), 0o644); err != nil {
		t.Fatal(err)
	}
	var texts [2]string
	for i := range texts {
		out := filepath.Join(dir, "out.json")
		if err := run(out, exe, []string{lockFile}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	if texts[0] != texts[1] {
		t.Error("the same input gave other bytes")
	}
	var b bom
	if err := json.Unmarshal([]byte(texts[0]), &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Spec != "1.6" || !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(b.Serial) {
		t.Errorf("%s %s %s", b.Format, b.Spec, b.Serial)
	}
	byRef := map[string]component{}
	for _, c := range b.Components {
		byRef[c.Ref] = c
	}
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := byRef["pkg:golang/std@"+strings.TrimPrefix(info.GoVersion, "go")]; !ok {
		t.Error("the toolchain is missing")
	}
	if c := byRef["pkg:npm/%40a/kite@1.2.3"]; c.Hashes[0].Content != "000102" || c.Licenses[0].Expression != "MIT" || c.Scope != "required" {
		t.Errorf("%+v", c)
	}
	if c := byRef["pkg:npm/river@2.0.0"]; c.Scope != "excluded" {
		t.Errorf("%+v", c)
	}
	for _, ref := range b.Dependencies[0].DependsOn {
		if byRef[ref].Scope != "required" {
			t.Errorf("depends on %s", ref)
		}
	}
}

func TestModules(t *testing.T) {
	info := &buildinfo.BuildInfo{GoVersion: "go1.26.8", Path: "raksha.example/raksha/cmd/raksha"}
	if err := json.Unmarshal([]byte(`{"Deps":[{"Path":"example.org/Kite","Version":"v2.0.0+incompatible","Sum":"h1:x="},{"Path":"a","Replace":{"Path":"example.org/b","Version":"v1.0.0"}}]}`), info); err != nil {
		t.Fatal(err)
	}
	b := ofBinary(info, "00")
	if len(b.Components) != 3 || b.Components[1].PURL != "pkg:golang/example.org/kite@v2.0.0%2Bincompatible" || b.Components[1].Properties[0].Value != "h1:x=" || b.Components[2].Name != "example.org/b" {
		t.Errorf("%+v", b.Components)
	}
}

func TestRefused(t *testing.T) {
	if err := run("", os.DevNull, nil); err == nil {
		t.Error("an empty file is a binary")
	}
	for _, text := range []string{"", `{"lockfileVersion":1}`, `{"lockfileVersion":3,"packages":{"node_modules/a":{"integrity":"sha512-!"}}}`} {
		if _, err := ofLock([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
