package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
)

const formHead = "--b\r\nContent-Disposition: form-data; name="

// Forms that are made to be read two ways, or to take much memory, are refused with a code, or read in the one way that there is.
func TestHostileForms(t *testing.T) {
	good := formHead + "\"id\"\r\n\r\n7\r\n" + formHead + "\"file\"; filename=\"kite.bin\"\r\n\r\nriver\r\n"
	for name, c := range map[string]struct{ body, code, file string }{
		"plain":                         {good + "--b--\r\n", "", "river"},
		"preamble and epilogue":         {"kite\r\n" + good + "--b--\r\nbasket", "", "river"},
		"a boundary within the file":    {strings.Replace(good, "river", "ri--b\r\nver--b--", 1) + "--b--\r\n", "", "ri--b\r\nver--b--"},
		"a longer boundary in the file": {strings.Replace(good, "river", "ri\r\n--bb\r\nver", 1) + "--b--\r\n", "", "ri\r\n--bb\r\nver"},
		"line feeds alone":              {strings.ReplaceAll(good+"--b--\r\n", "\r\n", "\n"), "", "river"},
		"a NUL in the file":             {strings.Replace(good, "river", "ri\x00ver", 1) + "--b--\r\n", "", "ri\x00ver"},
		"no end":                        {good, "1111", ""},
		"no part":                       {"--b--\r\n", "4000", ""},
		"nothing":                       {"", "4000", ""},
		"another boundary":              {strings.ReplaceAll(good, "--b", "--c"), "4000", ""},
		"two numbers":                   {formHead + "\"id\"\r\n\r\n7\r\n" + good + "--b--\r\n", "4000", ""},
		"two files":                     {good + formHead + "\"file\"\r\n\r\nx\r\n--b--\r\n", "4000", ""},
		"a nested form":                 {"--b\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n", "4000", ""},
		"a name twice":                  {"--b\r\nContent-Disposition: form-data; name=\"id\"; name=\"file\"\r\n\r\n7\r\n--b--\r\n", "4000", ""},
		"a huge number":                 {strings.Replace(good, "7", strings.Repeat("7", 1<<20), 1) + "--b--\r\n", "4000", ""},
		"huge headers":                  {"--b\r\nX-Kite: " + strings.Repeat("k", 11<<20) + "\r\n\r\n\r\n--b--\r\n", "1110", ""},
		"many headers":                  {"--b\r\n" + strings.Repeat("X-Kite: k\r\n", 20000) + "\r\n\r\n--b--\r\n", "1110", ""},
		"many parts":                    {strings.Repeat(formHead+"\"x\"\r\n\r\n\r\n", 1000) + good + "--b--\r\n", "4000", ""},
		"too large":                     {strings.Replace(good, "river", strings.Repeat("k", intake.FileLimit+1), 1) + "--b--\r\n", "1111", ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "/ispws/upload", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		form, err := readForm(r, make(chan struct{}, 1), nil)
		got := ""
		if err != nil {
			got = fault.Code(err)
		}
		if got != c.code || err == nil && (string(form.file) != c.file || form.id != 7) {
			t.Errorf("%s: %.80q, id %d, %v (%s)", name, form.file, form.id, err, got)
		}
	}
}

func FuzzUploadForm(f *testing.F) {
	f.Add([]byte(formHead + "\"id\"\r\n\r\n7\r\n" + formHead + "\"file\"; filename=\"kite.bin\"\r\n\r\nriver\r\n--b--\r\n"))
	f.Add([]byte(formHead + "\"id\"\r\n\r\n7\r\n--b--\r\n"))
	f.Add([]byte("id=7"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []string{"multipart/form-data; boundary=b", "application/x-www-form-urlencoded", ""} {
			request := func() *http.Request {
				r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(b))
				r.Header.Set("Content-Type", kind)
				return r
			}
			form, err := readForm(request(), make(chan struct{}, 1), nil)
			id, errID := formID(request())
			for _, err := range []error{err, errID} {
				if code := intake.ResponseCode(err); err != nil && code != 4000 && code != 1110 && code != 1111 {
					t.Fatalf("%d: %v", code, err)
				}
			}
			if err == nil && (form.id < 1 || form.file == nil && !bytes.Contains(b, []byte("file"))) || errID == nil && id < 1 {
				t.Fatalf("%q gives %+v, %d", b, form, id)
			}
		}
	})
}
