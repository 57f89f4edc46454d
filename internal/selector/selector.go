// Package selector recognises and normalises what ties an account to a person: payment handles, wallets, phones, e-mail
// addresses, invite links, network addresses at an instant, and other links. Two selectors are the same when they are
// equal.
package selector

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"

	"raksha.example/raksha/internal/fault"
)

// Kind is a kind of selector.
type Kind string

// The kinds and the normal forms of their values.
const (
	PaymentHandle Kind = "payment_handle" // name@psp in lower case; the part after @ has no dot, except in @bank.ifsc.npci
	Wallet        Kind = "wallet"         // Bitcoin and Tron addresses with a sound checksum; Ethereum in lower case
	Phone         Kind = "phone"          // E.164, such as +919800000001
	Email         Kind = "email"          // lower case, domain in ASCII
	InviteLink    Kind = "invite_link"    // https URL; one form for each service
	IPPortTime    Kind = "ip_port_time"   // 49.36.1.2:50123@2022-08-31T20:00:00Z; the port may be missing
	URL           Kind = "url"            // https URL without fragment and trailing slash
)

// Kinds are all kinds, in the order in which people are shown them.
func Kinds() []Kind {
	return []Kind{PaymentHandle, Wallet, Phone, Email, InviteLink, IPPortTime, URL}
}

// Selector is one normalised selector.
type Selector struct {
	Kind  Kind
	Value string
}

// String gives kind:value.
func (s Selector) String() string { return string(s.Kind) + ":" + s.Value }

const maxTyped = 2048 // bytes of one typed selector

// Normalise brings what somebody typed into the normal form of a kind; a normal form comes back as it is. Phones need
// their country code, with +; see ParsePhone for others. Errors are fault.Invalid and say what is wrong.
func Normalise(kind Kind, typed string) (Selector, error) {
	if len(typed) > maxTyped {
		return Selector{}, fault.New(fault.Invalid, "this is longer than %d bytes", maxTyped)
	}
	s := strings.TrimSpace(string(fold(typed).text))
	if s == "" {
		return Selector{}, fault.New(fault.Invalid, "nothing given")
	}
	var (
		value string
		err   error
	)
	switch kind {
	case PaymentHandle:
		value, err = paymentHandle(s)
	case Wallet:
		value, err = wallet(s)
	case Phone:
		value, err = phone(s, "")
	case Email:
		value, err = email(s)
	case InviteLink:
		value, err = inviteLink(s)
	case IPPortTime:
		value, err = ipPortTime(s)
	case URL:
		value, err = link(s)
	default:
		return Selector{}, fault.New(fault.Invalid, "%.40q is no kind of selector", kind)
	}
	if err != nil {
		return Selector{}, err
	}
	return Selector{kind, value}, nil
}

var (
	localShape   = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,254}[a-z0-9_-])?$`)
	pspShape     = regexp.MustCompile(`^([a-z][a-z0-9]{1,63}|[a-z]{4}0[a-z0-9]{6}\.ifsc\.npci)$`)
	mailboxShape = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_.~-]{1,64}$`)
	domainShape  = regexp.MustCompile(`\.[a-z][a-z0-9-]*$`)
)

// cutAt cuts at the @, which a link may carry as %40.
func cutAt(s string) (local, domain string, ok bool) {
	return strings.Cut(strings.Replace(s, "%40", "@", 1), "@")
}

// paymentHandle normalises a virtual payment address (NPCI, Unified Payments Interface: name@psp).
func paymentHandle(s string) (string, error) {
	s = strings.ToLower(s)
	if rest, ok := strings.CutPrefix(s, "upi:"); ok {
		s = strings.TrimSpace(rest)
	}
	local, psp, ok := cutAt(s)
	if !ok || len(local) < 2 || !localShape.MatchString(local) {
		return "", fault.New(fault.Invalid, "%.80q is no payment handle; write it as name@psp", s)
	}
	if !pspShape.MatchString(psp) {
		return "", fault.New(fault.Invalid, "%.80q is no payment handle: what follows the @ is no payment service", s)
	}
	return local + "@" + psp, nil
}

func email(s string) (string, error) {
	s = strings.TrimPrefix(strings.ToLower(s), "mailto:")
	local, domain, ok := cutAt(strings.TrimSpace(s))
	if !ok || !mailboxShape.MatchString(local) || strings.Contains(local, "%40") {
		return "", fault.New(fault.Invalid, "%.80q is no e-mail address", s)
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(ascii) > 253 || !domainShape.MatchString(ascii) {
		return "", fault.New(fault.Invalid, "%.80q is no e-mail address: the part after the @ is no domain", s)
	}
	return local + "@" + ascii, nil
}

// ParsePhone normalises a phone number that may lack its country code: region, such as IN (ISO 3166-1), then gives it.
func ParsePhone(typed, region string) (Selector, error) {
	if len(typed) > maxTyped {
		return Selector{}, fault.New(fault.Invalid, "this is longer than %d bytes", maxTyped)
	}
	value, err := phone(strings.TrimSpace(string(fold(typed).text)), region)
	if err != nil {
		return Selector{}, err
	}
	return Selector{Phone, value}, nil
}

var phoneShape = regexp.MustCompile(`^\+?[0-9 ().\-/\t\x{2010}-\x{2015}]{5,40}$`)

func phone(s, region string) (string, error) {
	s = strings.TrimPrefix(strings.ToLower(s), "tel:")
	if !phoneShape.MatchString(s) {
		return "", fault.New(fault.Invalid, "%.80q is no phone number", s)
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		if !strings.HasPrefix(s, "+") && region == "" {
			return "", fault.New(fault.Invalid, "%.80q lacks its country code; write it with +, such as +91", s)
		}
		return "", fault.New(fault.Invalid, "%.80q is no phone number that any network hands out", s)
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}
