package backup

import (
	"archive/tar"
	"bytes"
)

// member is an archive with one member, whatever its name.
func member(name, content string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600, Typeflag: tar.TypeReg})
	w.Write([]byte(content))
	w.Close()
	return b.Bytes()
}
