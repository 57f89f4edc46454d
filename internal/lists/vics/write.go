package vics

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/lists"
)

// Media is one record to write.
type Media struct {
	ID      int64
	Updated time.Time
	Entries []lists.Entry
}

type mediaJSON struct {
	MediaID      int64       `json:"MediaID"`
	Category     int64       `json:"Category"`
	MD5          string      `json:"MD5,omitempty"`
	SHA1         string      `json:"SHA1,omitempty"`
	DateUpdated  string      `json:"DateUpdated"`
	Alternatives []otherJSON `json:"AlternativeHashes,omitempty"`
}

type otherJSON struct {
	Name  string `json:"HashName"`
	Value string `json:"HashValue"`
}

// Writer writes a hash set of version 2.0 as a stream.
type Writer struct {
	w     *bufio.Writer
	first bool
}

// NewWriter begins a hash set whose categories are of a scheme ("VICS/US"); any other scheme than VICS/... writes no country.
func NewWriter(out io.Writer, scheme string) (*Writer, error) {
	w := &Writer{w: bufio.NewWriterSize(out, 64<<10), first: true}
	country, is := strings.CutPrefix(scheme, "VICS/")
	if !is || country == "" {
		country = "Default"
	}
	context, err := json.Marshal("http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/" + country + "/$metadata#Media")
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(w.w, `{"@odata.context":%s,"value":[`, context)
	return w, err
}

// names are how hashes beside MD5 and SHA-1 are called.
var names = map[string]string{lists.PhotoDNA: "PhotoDNA", lists.PDQ: "PDQ", lists.SHA256: "SHA256", lists.TMK: "TMK+PDQF"}

// Write writes a record. One without any hash that the form can carry is left out, which wrote tells.
func (w *Writer) Write(m Media) (wrote bool, err error) {
	v := mediaJSON{MediaID: m.ID, DateUpdated: dated(m.Updated)}
	for _, e := range m.Entries {
		switch {
		case e.Kind == lists.MD5 && v.MD5 == "":
			v.MD5 = strings.ToUpper(e.Value)
		case e.Kind == lists.SHA1 && v.SHA1 == "":
			v.SHA1 = strings.ToUpper(e.Value)
		case names[e.Kind] != "":
			v.Alternatives = append(v.Alternatives, otherJSON{names[e.Kind], e.Value})
		}
		if n, err := strconv.ParseInt(e.Label, 10, 64); err == nil && v.Category == 0 {
			v.Category = n
		}
	}
	if v.MD5 == "" && v.SHA1 == "" && len(v.Alternatives) == 0 {
		return false, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	if !w.first {
		b = append([]byte(",\n"), b...)
	}
	w.first = false
	_, err = w.w.Write(b)
	return true, err
}

// Close ends the file.
func (w *Writer) Close() error {
	if _, err := w.w.WriteString("]}\n"); err != nil {
		return err
	}
	return w.w.Flush()
}
