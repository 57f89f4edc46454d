package fetch

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"raksha.example/raksha/internal/fault"
)

// Mail is the agency's mail server, to which messages are handed over (RFC 6409). It is the operator's own choice of address, so it may
// stand in any network.
type Mail struct {
	Address  string // host:port; at port 465 TLS from the first byte, elsewhere STARTTLS (RFC 8314 s.3.3)
	Username string // "": the server asks for none
	Password string
	From     string // the address that messages come from
}

// Check says what is wrong with the settings: fault.Invalid.
func (m Mail) Check() error {
	host, port, err := net.SplitHostPort(m.Address)
	if n, convErr := strconv.Atoi(port); err != nil || host == "" || convErr != nil || n < 1 || n > 65535 {
		return fault.New(fault.Invalid, "%q is no address of a mail server such as mail.agency.example:587", m.Address)
	}
	if err := mail.NewMsg().From(m.From); err != nil {
		return fault.New(fault.Invalid, "%q is no e-mail address for messages to come from", m.From)
	}
	return nil
}

// Send hands one plain message over. Nothing is sent in the clear but to this machine itself.
func (m Mail) Send(ctx context.Context, to, subject, text string) error {
	host, portText, err := net.SplitHostPort(m.Address)
	if err != nil {
		return m.Check()
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return m.Check()
	}
	message := mail.NewMsg()
	if err := message.From(m.From); err != nil {
		return err
	}
	if err := message.To(to); err != nil {
		return fault.Wrap(err, fault.Invalid, "%q is no e-mail address", to)
	}
	message.Subject(subject)
	message.SetBodyString(mail.TypeTextPlain, text)
	message.SetMessageID()
	message.SetDate()
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(20 * time.Second), mail.WithTLSPolicy(mail.TLSMandatory)}
	if port == 465 {
		options = append(options, mail.WithSSL())
	} else if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if m.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.Username), mail.WithPassword(m.Password))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the mail server at %s did not take the message; it is tried again", m.Address)
	}
	return nil
}
