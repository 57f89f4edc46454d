package fetch

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"raksha.example/raksha/internal/fault"
)

// box keeps what a mail server was given.
type box struct {
	mu       sync.Mutex
	messages []string
	to       []string
}

func (b *box) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *box) Reset()                                      {}
func (b *box) Logout() error                               { return nil }
func (b *box) Mail(string, *smtp.MailOptions) error        { return nil }

func (b *box) Rcpt(to string, _ *smtp.RcptOptions) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = append(b.to, to)
	return nil
}

func (b *box) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, string(text))
	return err
}

// A message arrives at a real mail server as it was given, and one that is not there is told as such.
func TestMail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &box{}
	server := smtp.NewServer(b)
	go server.Serve(l)
	defer server.Close()
	m := Mail{Address: l.Addr().String(), From: "raksha@unit.example"}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), "asha@unit.example", "Alert A-000001", "Alert A-000001 waits for you.\n"); err != nil {
		t.Fatal(err)
	}
	if len(b.messages) != 1 || len(b.to) != 1 || b.to[0] != "asha@unit.example" || !strings.Contains(b.messages[0], "Subject: Alert A-000001") || !strings.Contains(b.messages[0], "waits for you.") {
		t.Errorf("%v %q", b.to, b.messages)
	}
	server.Close()
	if err := m.Send(t.Context(), "asha@unit.example", "Alert A-000002", "x"); fault.Of(err) != fault.Unavailable {
		t.Errorf("without a server: %v", err)
	}
	for _, wrong := range []Mail{{Address: "mail.example", From: "a@b.example"}, {Address: ":25", From: "a@b.example"}, {Address: "mail.example:0", From: "a@b.example"}, {Address: "mail.example:25", From: "kite"}} {
		if err := wrong.Check(); fault.Of(err) != fault.Invalid || err == nil {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
