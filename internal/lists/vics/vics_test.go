package vics

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
)

func md5Of(n int) string  { return fmt.Sprintf("%032X", n) }
func sha1Of(n int) string { return fmt.Sprintf("%040x", n) }

// gather reads everything into memory.
func gather(in io.Reader) (f File, items []foreign.Item, aside []foreign.Aside, err error) {
	f, err = Read(in, Sink{Item: func(v foreign.Item) error { items = append(items, v); return nil }, Aside: func(a foreign.Aside) error { aside = append(aside, a); return nil }})
	return f, items, aside, err
}

func TestReadHashSets(t *testing.T) {
	miniature := strings.Repeat("QUJD", 50_000)
	for name, text := range map[string]string{
		"2.0": "\ufeff" + `{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/UK/$metadata#Media","value":[
			{"MediaID":1,"Category":2,"MD5":"` + md5Of(1) + `","SHA1":"` + sha1Of(1) + `","IsPrecategorized":"true","Miniature":"` + miniature + `",
			 "AlternativeHashes":[{"HashName":"PhotoDNA","HashValue":"QUJD"},{"HashName":"Other","HashValue":"x"}],"Exifs":[{"PropertyName":"a","PropertyValue":"b"}],"MediaFiles":[{"MD5":"x"}]},
			{"mediaid":"2","category":"1","md5":"` + md5Of(2) + `","MediaSize":"77"},
			{"MediaID":3,"Category":1,"MD5":"12"},
			{"MediaID":4,"Category":1},
			7]}`,
		"1.3": `{"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media","value":[
			{"MediaID":1,"Category":2,"MD5":"` + md5Of(1) + `","SHA1":"` + sha1Of(1) + `","AlternativeHashes":[{"HashName":"PhotoDNA","HashValue":"QUJD"}]},{"MediaID":2,"Category":1,"MD5":"` + md5Of(2) + `"}]}`,
		"cases": `{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Cases","value":[{"CaseID":"g","CaseMetadata":[{"CaseID":"g"}],"Media":[
			{"MediaID":1,"Category":2,"MD5":"` + md5Of(1) + `","SHA1":"` + sha1Of(1) + `","AlternativeHashes":[{"HashName":"PhotoDNA","HashValue":"QUJD"}]}]},{"CaseID":"h","Media":[{"MediaID":2,"Category":1,"MD5":"` + md5Of(2) + `"}]}]}`,
	} {
		f, items, aside, err := gather(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		scheme := map[string]string{"2.0": "VICS/UK", "1.3": "VICS", "cases": "VICS/US"}[name]
		if f.Scheme != scheme || name != "cases" && f.Version != name {
			t.Errorf("%s: %+v", name, f)
		}
		if len(items) != 2 || len(items[0].Entries) != 3 || items[0].Entries[0] != (lists.Entry{Kind: lists.MD5, Value: strings.ToLower(md5Of(1)), Label: "2"}) ||
			items[0].Entries[2].Kind != lists.PhotoDNA || items[1].Key != "md5:"+strings.ToLower(md5Of(2)) || items[1].Entries[0].Label != "1" {
			t.Errorf("%s: %+v", name, items)
		}
		if name == "2.0" && len(aside) != 3 {
			t.Errorf("aside: %+v", aside)
		}
		for _, a := range aside {
			if bytes.Contains(a.Bytes, []byte("QUJDQUJD")) {
				t.Error("bytes of a picture got into a report")
			}
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	good := `{"value":[{"MD5":"` + md5Of(1) + `"},{"MD5":"` + md5Of(2) + `"}]}`
	for name, text := range map[string]string{"cut": good[:len(good)-3], "empty": "", "html": "<html>", "none": `{"a":1}`, "after": good + "x", "word": `{"value":[nul]}`,
		"deep": `{"value":[` + strings.Repeat("[", 100_000), "number": `{"value":[{"Category":1e}]}`} {
		_, items, _, err := gather(strings.NewReader(text))
		if fault.Code(err) != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
		if (name == "cut" || name == "after") && len(items) < 1 {
			t.Errorf("%s: what came before was lost", name)
		}
	}
}

// large writes a hash set of n records with pictures in them, as a stream.
func large(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		miniature := strings.Repeat("QUJD", 2_000)
		io.WriteString(w, `{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media","value":[`)
		for i := range n {
			if i > 0 {
				io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"MediaID":%d,"Category":1,"MD5":"%s","SHA1":"%s","Miniature":"%s"}`, i, md5Of(i), sha1Of(i), miniature)
		}
		io.WriteString(w, "]}")
		w.Close()
	}()
	return r
}

// TestMemoryDoesNotGrowWithTheFile reads 160 MB and looks at what stays in use meanwhile.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var most uint64
	n := 0
	_, err := Read(large(20_000), Sink{Aside: func(foreign.Aside) error { t.Error("aside"); return nil }, Item: func(foreign.Item) error {
		if n++; n%2_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	}})
	if err != nil || n != 20_000 {
		t.Fatal(n, err)
	}
	if most > before+8<<20 {
		t.Errorf("%d bytes before, %d at most while reading", before, most)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, "VICS/UK")
	if err != nil {
		t.Fatal(err)
	}
	e := func(kind, value string) lists.Entry { return lists.Entry{Kind: kind, Value: value, Label: "3"} }
	for i, m := range []Media{
		{ID: 5, Updated: time.Unix(1, 0), Entries: []lists.Entry{e(lists.MD5, strings.ToLower(md5Of(1))), e(lists.SHA1, sha1Of(1)), e(lists.PDQ, strings.Repeat("ab", 32)), e(lists.PhotoDNA, "QUJD")}},
		{ID: 6, Entries: []lists.Entry{e(lists.VPDQ, "x")}},
		{ID: 7, Entries: []lists.Entry{e(lists.MD5, strings.ToLower(md5Of(2)))}},
	} {
		if wrote, err := w.Write(m); err != nil || wrote != (i != 1) {
			t.Fatal(i, wrote, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, items, aside, err := gather(&b)
	if err != nil || len(aside) > 0 || f.Scheme != "VICS/UK" || len(items) != 2 || len(items[0].Entries) != 4 || items[0].Entries[0] != e(lists.MD5, strings.ToLower(md5Of(1))) {
		t.Errorf("%+v %+v %+v %v", f, items, aside, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"@odata.context":"http://x/DataModels/2.0.xml/US/$metadata#Media","value":[{"MD5":"` + md5Of(1) + `","Category":"1","Miniature":"QUJD","AlternativeHashes":[{"HashName":"PhotoDNA","HashValue":"a"}]}]}`))
	f.Add([]byte("\ufeff" + `{"value":[{"Media":[{"SHA1":"` + sha1Of(1) + `","IsSuspected":"false"}]}]}`))
	f.Add([]byte(`[{"MD5":null,"a":"\u00e9\ud83d"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, items, aside, err := gather(bytes.NewReader(b))
		if err == nil && int64(len(items)) > file.Records {
			t.Fatalf("%d items of %d records", len(items), file.Records)
		}
		if err == nil && int64(len(items)+len(aside)) < file.Records {
			t.Fatalf("%d records, %d items, %d aside", file.Records, len(items), len(aside))
		}
		for _, v := range items {
			for _, e := range v.Entries {
				if again := e; again.Check() != nil || again != e {
					t.Fatalf("an entry out of form: %+v", e)
				}
			}
			if v.Key == "" || len(v.Key) > foreign.MaxKey {
				t.Fatalf("key %q", v.Key)
			}
		}
	})
}
