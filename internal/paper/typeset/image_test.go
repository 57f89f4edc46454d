package typeset

import "testing"

func FuzzParsePNG(f *testing.F) {
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x00IEND\xaeB`\x82"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParsePNG(b)
		if err == nil && (m.width < 1 || m.height < 1 || len(m.data) == 0) {
			t.Errorf("%d x %d with %d bytes was taken", m.width, m.height, len(m.data))
		}
	})
}
