package platforms

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
)

const holdingsLimit = 64 << 20 // bytes of a holdings file

// Holding is what a telecom, a bank or a payment service holds on one selector.
type Holding struct {
	Holder
	Selector string // as the file gives it
	Kind     string // the selector's kind, as the file gives it
	Account  string // the holder's own number for the customer
	BankRef  string // branch code of the account behind a payment handle, if there is one
}

// Holdings answers for a holder that keeps its customers in a file: the way in for telecoms, banks and payment services
// that export from systems of their own. It is read once and does not change; it is safe for concurrent use.
type Holdings struct {
	byKey map[string]Holding
}

type holdingJSON struct {
	Selector string    `json:"selector"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Phone    string    `json:"phone"`
	Account  string    `json:"account"`
	BankRef  string    `json:"bank_ref"`
	OpenedAt time.Time `json:"opened_at"`
	Logins   []struct {
		At    time.Time `json:"at"`
		IP    string    `json:"ip"`
		Port  int       `json:"port"`
		Event string    `json:"event"`
	} `json:"logins"`
}

// OpenHoldings reads a JSON file of at most 64 MiB, a list of objects: selector, kind, name, email, phone, account,
// bank_ref, opened_at (RFC 3339) and logins, a list of at, ip, port and event. Only selector is required.
func OpenHoldings(path string) (*Holdings, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the file of holdings %s cannot be opened", path)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, holdingsLimit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the file of holdings %s cannot be read", path)
	}
	if len(b) > holdingsLimit {
		return nil, fault.New(fault.TooLarge, "the file of holdings %s is larger than %d bytes", path, holdingsLimit)
	}
	h, err := readHoldings(b)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the file of holdings %s: %v", path, err)
	}
	return h, nil
}

func readHoldings(b []byte) (*Holdings, error) {
	var list []holdingJSON
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	h := &Holdings{byKey: make(map[string]Holding, len(list))}
	for i, e := range list {
		key := holdingKey(e.Selector)
		if key == "" {
			return nil, fault.New(fault.Invalid, "entry %d has no selector", i+1)
		}
		if _, twice := h.byKey[key]; twice {
			return nil, fault.New(fault.Invalid, "entry %d: %s is there twice", i+1, e.Selector)
		}
		held := Holding{Selector: e.Selector, Kind: e.Kind, Account: e.Account, BankRef: e.BankRef,
			Holder: Holder{Name: e.Name, Email: e.Email, Phone: e.Phone, CreatedAt: e.OpenedAt.UTC()}}
		for _, l := range e.Logins {
			if l.Event == "" {
				l.Event = SignIn
			}
			held.Logins = append(held.Logins, Login{At: l.At.UTC(), IP: l.IP, Port: l.Port, Event: l.Event})
		}
		h.byKey[key] = held
	}
	return h, nil
}

// Holder gives what is held on a selector: a payment handle, a phone in E.164 form, a wallet, an e-mail address.
// Case, spaces and the punctuation of phone numbers do not matter. It is a fault.NotFound when nothing is held.
func (h *Holdings) Holder(ctx context.Context, selector string) (Holding, error) {
	if err := ctx.Err(); err != nil {
		return Holding{}, err
	}
	held, ok := h.byKey[holdingKey(selector)]
	if !ok {
		return Holding{}, fault.New(fault.NotFound, "nothing is held on %.80q", selector)
	}
	held.Logins = append([]Login(nil), held.Logins...)
	return held, nil
}

// Len tells on how many selectors something is held.
func (h *Holdings) Len() int { return len(h.byKey) }

// holdingKey gives the form in which selectors are compared.
func holdingKey(selector string) string {
	s := strings.Join(strings.Fields(strings.ToLower(clean(selector))), "")
	if strings.HasPrefix(s, "+") {
		s = strings.NewReplacer("-", "", "(", "", ")", "", ".", "").Replace(s)
	}
	return s
}
