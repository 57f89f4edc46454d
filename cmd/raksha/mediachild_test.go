package main

import (
	"bytes"
	"image"
	"image/png"
	"os/exec"
	"path/filepath"
	"testing"

	"raksha.example/raksha/internal/media"
)

// TestMediaChild builds the real binary and lets a pool use it as its child.
func TestMediaChild(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "raksha")
	if out, err := exec.Command("go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	p := media.NewPool(exe, 1)
	defer p.Close()
	r, err := p.Hash(t.Context(), b.Bytes())
	if err != nil || r.Kind != media.Image || r.Width != 30 || r.Height != 20 {
		t.Fatalf("%+v, %v", r, err)
	}
	obtained, err := p.Protections(t.Context())
	if err != nil || len(obtained) == 0 {
		t.Fatal(obtained, err)
	}
	for _, o := range obtained.Missing() {
		t.Logf("missing here: %s: %s", o.Name, o.Detail)
	}
}
