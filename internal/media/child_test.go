package media

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// msgTry is a request that only the children of this test binary know: try what the body names and say what came of it.
const msgTry = 'T'

// TestMain makes the test binary its own child.
func TestMain(m *testing.M) {
	if tryFilm() {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == childArgument {
		in, out := os.Stdin, os.Stdout
		if os.Args[2] == filmDecoder {
			fmt.Fprintln(os.Stderr, filmMain(in, out)) // it does not return unless it fails
			os.Exit(1)
		}
		err := prepare(os.Args[2])
		if err == nil {
			err = serve(in, out, confine(), map[byte]handler{
				msgHash: answerHash, msgPreview: answerPreview, msgSurvey: answerSurvey, msgProbe: answerProbe, msgTry: answerTry})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var kept [][]byte // what the attempt to use much memory holds on to

// answerTry runs an attempt. The answer is the error, or "done".
func answerTry(body []byte) (byte, []byte, error) {
	name := string(body[requestHeader:])
	switch name {
	case "memory":
		for range 8 {
			b := make([]byte, dataLimit/4)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
		return msgResult, []byte("done"), nil
	case "one large block":
		b := make([]byte, dataLimit+1<<30)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
		return msgResult, []byte("done"), nil
	case "sleep":
		time.Sleep(time.Hour)
	case "panic":
		panic("the decoder is broken")
	case "exit":
		os.Exit(0)
	case "babble":
		return 'x', []byte(strings.Repeat("x", 100)), nil
	case "flood":
		return msgResult, make([]byte, maxText+1), nil
	case "environment":
		return msgResult, []byte(strings.Join(os.Environ(), " ")), nil
	}
	if err := attempt(name); err != nil {
		return msgResult, []byte(err.Error()), nil
	}
	return msgResult, []byte("done"), nil
}

// try lets a child of the pool make an attempt.
func try(t *testing.T, p *Pool, name string) (string, error) {
	t.Helper()
	return tryIn(t, p, commonDecoder, name)
}

func tryIn(t *testing.T, p *Pool, decoder, name string) (string, error) {
	t.Helper()
	var said string
	err := p.exchange(t.Context(), decoder, msgTry, 0, []byte(name), msgResult, func(answer []byte) error {
		said = string(answer)
		return nil
	})
	return said, err
}

// newPool makes a pool of the test binary's children.
func newPool(t testing.TB, size int) *Pool {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := NewPool(exe, size)
	t.Cleanup(func() { p.Close() })
	return p
}
