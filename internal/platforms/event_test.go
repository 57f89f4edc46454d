package platforms

import (
	"bufio"
	"bytes"
	"testing"
)

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte("event: update\ndata: {}\n\n:thump\ndata: a\r\ndata:b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(b), 1024)
		total := 0
		for {
			name, data, err := readEvent(r, func() {})
			if err != nil {
				return // every stream ends
			}
			if total += len(name) + len(data); total > len(b) {
				t.Fatalf("%d bytes of events from %d", total, len(b))
			}
		}
	})
}
