package platforms

import (
	"encoding/json"
	"time"
)

// The answers of Mastodon that are used, as its documentation gives them (entities Account, Status, MediaAttachment,
// Admin::Account, Admin::Ip).

type accountJSON struct {
	ID          string    `json:"id"`
	Acct        string    `json:"acct"`
	URL         string    `json:"url"`
	DisplayName string    `json:"display_name"`
	Note        string    `json:"note"` // HTML
	CreatedAt   time.Time `json:"created_at"`
	Suspended   bool      `json:"suspended"`
	Fields      []struct {
		Name  string `json:"name"`
		Value string `json:"value"` // HTML
	} `json:"fields"`
}

// account gives the common shape. Profile fields follow the bio, a line each: people put their other addresses there.
func (a accountJSON) account(host string) Account {
	bio := Text(a.Note)
	for _, f := range a.Fields {
		bio = join(bio, "\n", f.Name+": "+Text(f.Value))
	}
	return Account{Host: host, ID: a.ID, Handle: CanonicalHandle(a.Acct), URL: a.URL, DisplayName: a.DisplayName, Bio: bio,
		CreatedAt: a.CreatedAt.UTC(), Suspended: a.Suspended}
}

type statusJSON struct {
	ID          string          `json:"id"`
	URL         string          `json:"url"`
	CreatedAt   time.Time       `json:"created_at"`
	Visibility  string          `json:"visibility"`
	Language    string          `json:"language"` // null when unknown
	SpoilerText string          `json:"spoiler_text"`
	Content     string          `json:"content"` // HTML
	Reblog      json.RawMessage `json:"reblog"`
	Account     accountJSON     `json:"account"`
	Media       []struct {
		ID        string `json:"id"`
		Type      string `json:"type"`
		URL       string `json:"url"`        // null while it is processed
		RemoteURL string `json:"remote_url"` // at its home server
	} `json:"media_attachments"`
	Poll *struct {
		Options []struct {
			Title string `json:"title"`
		} `json:"options"`
	} `json:"poll"`
}

// own tells whether the status is the account's own public post: no boost of another's, nothing private.
func (s statusJSON) own() bool {
	boost := len(s.Reblog) > 0 && string(s.Reblog) != "null"
	return !boost && (s.Visibility == "public" || s.Visibility == "unlisted" || s.Visibility == "")
}

func (s statusJSON) post(host string) Post {
	text := join(s.SpoilerText, "\n", Text(s.Content))
	if s.Poll != nil {
		for _, o := range s.Poll.Options {
			text = join(text, "\n", o.Title)
		}
	}
	p := Post{Host: host, ID: s.ID, URL: s.URL, AccountID: s.Account.ID, Handle: CanonicalHandle(s.Account.Acct),
		CreatedAt: s.CreatedAt.UTC(), Text: text, Language: s.Language}
	for _, a := range s.Media {
		kind := map[string]string{"image": Image, "gifv": Video, "video": Video}[a.Type]
		at := a.URL
		if at == "" {
			at = a.RemoteURL
		}
		if kind != "" && at != "" {
			p.Media = append(p.Media, Media{ID: a.ID, Kind: kind, URL: at})
		}
	}
	return p
}

type adminJSON struct {
	ID        string      `json:"id"`
	Email     string      `json:"email"`
	Phone     string      `json:"phone"` // not Mastodon's own: holders that ask for a phone add it
	Name      string      `json:"name"`  // likewise
	CreatedAt time.Time   `json:"created_at"`
	Suspended bool        `json:"suspended"`
	Account   accountJSON `json:"account"`
	IPs       []struct {
		IP     string    `json:"ip"`
		UsedAt time.Time `json:"used_at"`
		Port   int       `json:"port"`  // likewise
		Event  string    `json:"event"` // likewise
	} `json:"ips"`
}

func (a adminJSON) holder() Holder {
	h := Holder{Name: a.Name, Email: a.Email, Phone: a.Phone, CreatedAt: a.CreatedAt.UTC()}
	for _, ip := range a.IPs {
		if ip.Event == "" {
			ip.Event = SignIn
		}
		h.Logins = append(h.Logins, Login{At: ip.UsedAt.UTC(), IP: ip.IP, Port: ip.Port, Event: ip.Event})
	}
	return h
}

// join puts sep between a and b if neither is empty.
func join(a, sep, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}
