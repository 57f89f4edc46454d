package hashfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
)

func gather(read func(io.Reader, Sink) error, text string) (items []foreign.Item, aside []foreign.Aside, err error) {
	err = read(strings.NewReader(text), Sink{Item: func(v foreign.Item) error { items = append(items, v); return nil }, Aside: func(a foreign.Aside) error { aside = append(aside, a); return nil }})
	return items, aside, err
}

var (
	md5  = strings.Repeat("0a", 16)
	sha1 = strings.Repeat("0b", 20)
	pdq  = strings.Repeat("0c", 32)
)

func TestReadLines(t *testing.T) {
	items, aside, err := gather(ReadLines, "\ufeff# a comment\n"+strings.ToUpper(md5)+",A1\r\n\n"+pdq+"\npdq "+pdq+"\tB1\nvideo_md5 "+md5+"\nsha256 "+pdq+"\nsoon\npdq 12\n"+strings.Repeat("x", maxLine+10)+"\nphotodna QUJD\n"+sha1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range items {
		got = append(got, fmt.Sprint(v.Entries[0].Kind, " ", v.Entries[0].Value[:4], " ", v.Entries[0].Label, " ", len(v.Key)))
	}
	want := "md5 0a0a A1 36; pdq 0c0c  68; pdq 0c0c B1 68; md5 0a0a  36; sha256 0c0c  71; photodna QUJD  13; sha1 0b0b  45"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
	if len(aside) != 3 || aside[0].Place != "line 8" || aside[1].Place != "line 9" || aside[2].Place != "line 10" {
		t.Errorf("%+v", aside)
	}
	var b bytes.Buffer
	for _, v := range items {
		if err := WriteLines(&b, v.Entries); err != nil {
			t.Fatal(err)
		}
	}
	again, aside, err := gather(ReadLines, b.String())
	if err != nil || len(aside) > 0 || fmt.Sprint(again) != fmt.Sprint(items) {
		t.Errorf("written and read again: %+v %+v %v", again, aside, err)
	}
}

const header = "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;Number of submissions;File Available;Media Type;Baseline\n"

func TestReadICSE(t *testing.T) {
	items, aside, err := gather(ReadICSE, "\ufeff"+header+md5+";"+sha1+";QUJD;1;Yes;No;No;\"a; b\";2;Yes;Image;Yes\n"+strings.ToUpper(md5)+";;;2;;;;;;;;No\n12;"+sha1+";;3\n;;;4\n")
	if err != nil || len(items) != 3 || len(items[0].Entries) != 3 || items[0].Entries[0] != (lists.Entry{Kind: lists.MD5, Value: md5, Label: "baseline"}) ||
		items[1].Entries[0].Label != "" || items[2].Key != "sha1:"+sha1 {
		t.Errorf("%+v %v", items, err)
	}
	if len(aside) != 2 || aside[0].Place != "line 4" {
		t.Errorf("%+v", aside)
	}
	for name, text := range map[string]string{"empty": "", "other": "a,b,c\n", "long": header + `"` + strings.Repeat("x;", maxRecord)} {
		if _, _, err := gather(ReadICSE, text); fault.Code(err) != Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadLines(f *testing.F) {
	f.Add("pdq " + pdq + "\n" + md5 + ",A1\n#\n")
	f.Fuzz(func(t *testing.T, text string) { sound(t, ReadLines, text) })
}

func FuzzReadICSE(f *testing.F) {
	f.Add(header + md5 + ";" + sha1 + ";QUJD;1;;;;;;;;Yes\n")
	f.Add(header + "\"\n;\"\"")
	f.Fuzz(func(t *testing.T, text string) { sound(t, ReadICSE, text) })
}

func sound(t *testing.T, read func(io.Reader, Sink) error, text string) {
	items, aside, err := gather(read, text)
	if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1; len(items) > lines || len(aside) > 2*lines {
		t.Fatalf("%d items and %d aside of %d lines (%v)", len(items), len(aside), lines, err)
	}
	for _, v := range items {
		if v.Key == "" || len(v.Key) > foreign.MaxKey || len(v.Entries) == 0 {
			t.Fatalf("%+v", v)
		}
		for _, e := range v.Entries {
			if again := e; again.Check() != nil || again != e {
				t.Fatalf("an entry out of form: %+v", e)
			}
		}
	}
}
