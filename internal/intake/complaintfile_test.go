package intake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"raksha.example/raksha/internal/fault"
)

// show writes lines one a row: number, address or what was typed and why it is none, remarks.
func show(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		at := l.Locator.String()
		if l.Err != "" {
			at = l.Typed + " (" + l.Err + ")"
		}
		fmt.Fprintf(&b, "%d %s [%s]\n", l.N, at, l.Remarks)
	}
	return b.String()
}

func TestReadComplaint(t *testing.T) {
	const a, b = "https://chirp.example/@kite", "https://chirp.example/@river/12"
	both := "1 " + a + " []\n2 " + b + " []\n"
	for name, c := range map[string]struct{ file, want string }{
		"one a line":                  {a + "\n" + b, both},
		"header":                      {"S.No,Link,Remarks\r\n1," + a + ",seen\r\n2," + b + ",\r\n", "1 " + a + " [seen]\n2 " + b + " []\n"},
		"mark and semicolons":         {"\ufeffLink;Sr. No.;Remark\n" + a + ";1;\"red; blue\"\n" + b + ";2;\n", "1 " + a + " [1; red; blue]\n2 " + b + " [2]\n"},
		"tabs, old line ends":         {"1\t" + a + "\r2\t" + b + "\r", both},
		"sep line":                    {"sep=;\r\n1;" + a + "\r\n2;" + b, both},
		"blank rows":                  {"\n\n , ,\n1," + a + "\n,,\n\n2," + b + "\n", both},
		"Hindi titles":                {"क्रम संख्या,लिंक\n1," + a + "\n2," + b, both},
		"title above header":          {"List of accounts to be blocked,,\nNo,URL,Remarks\n1," + a + ",\n", "1 List of accounts to be blocked (no cell of this row is the address of an account or a post) []\n2 " + a + " []\n"},
		"typed badly":                 {"link\n\"  HTTP://WWW.Chirp.Example/@KITE/ \"\nchirp.example/@river/12?s=2\n", both},
		"quote inside":                {"1," + a + ",a \"b\" c\n2," + b + ",\"d \"e\" f\"\n", "1 " + a + " [a \"b\" c]\n2 " + b + " [d \"e\" f]\n"},
		"doubled quotes":              {`1,` + a + `,"say ""no"""`, "1 " + a + " [say \"no\"]\n"},
		"quote never closed":          {"1,\"" + a + "\n2," + b + "\n", both},
		"quotes in two rows":          {"1,\"" + a + ",x\n2," + b + "\n3," + b + ",\"y\n", "1 " + a + " [x]\n2 " + b + " []\n3 " + b + " [\"y]\n"},
		"remark of two lines":         {"1," + a + ",\"red\nblue\"\n2," + b, "1 " + a + " [red\nblue]\n2 " + b + " []\n"},
		"in a sentence":               {"1,please see " + a + " soon\n2,=HYPERLINK(\"" + b + "\";\"x\")", both},
		"two in a row":                {"see " + a + " and " + b + "\n", "1 see " + a + " and " + b + " (this row names more than one address; give each its own row) []\n"},
		"other address in the remark": {"1," + a + "," + b + "\n2," + b + ",same as above\n", "1 " + a + " [" + b + "]\n2 " + b + " [same as above]\n"},
		"unreadable rows stay": {"No,Link\n1,kite_river\n2," + a + "\n3,https://chirp.example/about\n", "1 kite_river (no cell of this row is the address of an account or a post) []\n2 " + a +
			" []\n3 https://chirp.example/about (the address names chirp.example but neither an account nor a post there; write it as chirp.example/@handle or /@handle/123) []\n"},
		"no header":          {"kite_river,x\n" + a + ",y\n", "1 kite_river (no cell of this row is the address of an account or a post) [x]\n2 " + a + " [y]\n"},
		"Windows encoding":   {"1," + a + ",caf\xe9\n", "1 " + a + " [café]\n"},
		"complainant's mail": {"kite@river.example," + a + "\nkite@river.example," + b + "\n", "1 " + a + " [kite@river.example]\n2 " + b + " [kite@river.example]\n"},
	} {
		lines, err := ReadComplaint(t.Context(), []byte(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := show(lines); got != c.want {
			t.Errorf("%s:\ngot\n%swant\n%s", name, got, c.want)
		}
	}
}

func TestReadComplaintKeepsWhatWasTyped(t *testing.T) {
	lines, err := ReadComplaint(t.Context(), []byte("1,\" HTTP://Chirp.Example/@KITE \",x"))
	if err != nil || len(lines) != 1 || lines[0].Typed != " HTTP://Chirp.Example/@KITE " {
		t.Errorf("%+v, %v", lines, err)
	}
}

func TestReadComplaintUTF16(t *testing.T) {
	units := utf16.Encode([]rune("No\tLink\r\n1\thttps://chirp.example/@kite\r\n"))
	little, big := []byte("\xff\xfe"), []byte("\xfe\xff")
	for _, u := range units {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	for _, b := range [][]byte{little, big} {
		lines, err := ReadComplaint(t.Context(), b)
		if err != nil || show(lines) != "1 https://chirp.example/@kite []\n" {
			t.Errorf("%s, %v", show(lines), err)
		}
	}
}

func TestReadComplaintLimits(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want fault.Kind
		says string
	}{
		"empty":       {"", fault.Invalid, "no row"},
		"header only": {"No,Link\n\n", fault.Invalid, "no row"},
		"spreadsheet": {"PK\x03\x04rest", fault.Invalid, "save the list as CSV"},
		"binary":      {"a\x00b", fault.Invalid, "no text"},
		"bytes":       {strings.Repeat("k", maxComplaint+1), fault.TooLarge, "50 MiB"},
		"rows":        {strings.Repeat("k\n", maxRows+1), fault.TooLarge, "1000000 rows"},
	} {
		if _, err := ReadComplaint(t.Context(), []byte(c.file)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	lines, err := ReadComplaint(t.Context(), []byte("1,"+strings.Repeat("k", maxCell+1)+"\n2,https://chirp.example/@kite,"+strings.Repeat("x,", 400)+"\n3"+strings.Repeat(",", 400)+"x@y/z"))
	if err != nil || len(lines) != 3 || !strings.Contains(lines[0].Err, "64 KiB") || len(lines[0].Typed) > maxCell || lines[1].Err != "" || !strings.Contains(lines[2].Err, "256 cells") {
		t.Errorf("%d lines, %v, %.200v", len(lines), err, lines)
	}
}

func FuzzReadComplaint(f *testing.F) {
	for _, s := range []string{"S.No,Link,Remarks\r\n1,https://chirp.example/@kite,seen\r\n", "\"a\nb\",c", "\xff\xfea\x00", "sep=;\na;b", "x\ty\rz \"\" q", "\"\"\"\n\"\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, err := ReadComplaint(t.Context(), b)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		for i, l := range lines {
			if l.N != i+1 || (l.Err == "") == (l.Locator.String() == "") {
				t.Fatalf("line %d: %+v", i, l)
			}
		}
	})
}

// TestReadComplaintWithStrayQuotes would take hours if every quote were followed to the limit of a cell.
func TestReadComplaintWithStrayQuotes(t *testing.T) {
	lines, err := ReadComplaint(t.Context(), []byte(strings.Repeat("\"a\n", 300_000)+"\"https://chirp.example/@kite\n"))
	if err != nil || len(lines) != 300_001 || lines[300_000].Locator.String() != "https://chirp.example/@kite" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}
