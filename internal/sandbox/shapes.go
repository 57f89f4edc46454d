package sandbox

import (
	"html"
	"regexp"
	"strings"
	"time"

	"raksha.example/raksha/internal/story"
)

// The entities of Mastodon's documentation, with the fields that clients read.

type accountEntity struct {
	ID             string   `json:"id"`
	Username       string   `json:"username"`
	Acct           string   `json:"acct"`
	DisplayName    string   `json:"display_name"`
	Locked         bool     `json:"locked"`
	Bot            bool     `json:"bot"`
	Group          bool     `json:"group"`
	CreatedAt      string   `json:"created_at"` // Mastodon shows the day only
	Note           string   `json:"note"`
	URL            string   `json:"url"`
	URI            string   `json:"uri"`
	StatusesCount  int      `json:"statuses_count"`
	FollowersCount int      `json:"followers_count"`
	FollowingCount int      `json:"following_count"`
	Emojis         []string `json:"emojis"`
	Fields         []string `json:"fields"`
	Suspended      bool     `json:"suspended,omitempty"`
}

type statusEntity struct {
	ID          string        `json:"id"`
	CreatedAt   string        `json:"created_at"`
	InReplyTo   *string       `json:"in_reply_to_id"`
	Sensitive   bool          `json:"sensitive"`
	SpoilerText string        `json:"spoiler_text"`
	Visibility  string        `json:"visibility"`
	Language    *string       `json:"language"`
	URI         string        `json:"uri"`
	URL         string        `json:"url"`
	Replies     int           `json:"replies_count"`
	Reblogs     int           `json:"reblogs_count"`
	Favourites  int           `json:"favourites_count"`
	Content     string        `json:"content"`
	Reblog      *struct{}     `json:"reblog"`
	Account     accountEntity `json:"account"`
	Media       []mediaEntity `json:"media_attachments"`
	Mentions    []string      `json:"mentions"`
	Tags        []string      `json:"tags"`
	Emojis      []string      `json:"emojis"`
	Card        *struct{}     `json:"card"`
	Poll        *struct{}     `json:"poll"`
}

type mediaEntity struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"` // "image" or "gifv"
	URL         string   `json:"url"`
	PreviewURL  string   `json:"preview_url"`
	RemoteURL   *string  `json:"remote_url"`
	Meta        struct{} `json:"meta"`
	Description *string  `json:"description"`
	Blurhash    *string  `json:"blurhash"`
}

type adminEntity struct {
	ID        string        `json:"id"`
	Username  string        `json:"username"`
	Domain    *string       `json:"domain"`
	CreatedAt string        `json:"created_at"`
	Email     string        `json:"email"`
	Phone     string        `json:"phone"` // ours
	Name      string        `json:"name"`  // ours
	IP        *string       `json:"ip"`    // the last one
	IPs       []adminIP     `json:"ips"`
	Locale    string        `json:"locale"`
	Confirmed bool          `json:"confirmed"`
	Approved  bool          `json:"approved"`
	Disabled  bool          `json:"disabled"`
	Silenced  bool          `json:"silenced"`
	Suspended bool          `json:"suspended"`
	Sensitive bool          `json:"sensitized"`
	Account   accountEntity `json:"account"`
}

type adminIP struct {
	IP     string `json:"ip"`
	UsedAt string `json:"used_at"`
	Port   int    `json:"port"`  // ours
	Event  string `json:"event"` // ours: "registration" or "login"
}

// stamp writes an instant as Mastodon does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (v view) account(a story.Account) accountEntity {
	count := 0
	for _, i := range v.authored[a.ID] {
		if !v.world.Posts[i].CreatedAt.After(v.now) {
			count++
		}
	}
	return accountEntity{ID: a.ID, Username: a.Handle, Acct: a.Handle, DisplayName: a.DisplayName, CreatedAt: stamp(a.CreatedAt.UTC().Truncate(24 * time.Hour)),
		Note: paragraph(a.Bio), URL: "https://" + story.Host + "/@" + a.Handle, URI: "https://" + story.Host + "/users/" + a.Handle,
		StatusesCount: count, Emojis: []string{}, Fields: []string{}, Suspended: v.suspended[a.ID]}
}

// status gives the i-th post; base is where media are fetched from.
func (v view) status(i int, base string) statusEntity {
	p := v.world.Posts[i]
	a := v.world.Accounts[v.accounts[p.AccountID]]
	e := statusEntity{ID: p.ID, CreatedAt: stamp(p.CreatedAt), Visibility: "public", Content: paragraph(p.Text), Account: v.account(a),
		URL: "https://" + story.Host + "/@" + a.Handle + "/" + p.ID, URI: "https://" + story.Host + "/users/" + a.Handle + "/statuses/" + p.ID,
		Media: []mediaEntity{}, Mentions: []string{}, Tags: []string{}, Emojis: []string{}}
	if p.Language != "" {
		e.Language = &p.Language
	}
	for _, id := range p.Media {
		m := mediaEntity{ID: id, Type: "image", URL: base + "/media/" + id, PreviewURL: base + "/media/" + id}
		if kind, _ := v.world.MediaType(id); kind == "image/gif" {
			m.Type = "gifv"
		}
		e.Media = append(e.Media, m)
	}
	return e
}

var linkShape = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)]`)

// paragraph writes plain text as the HTML that Mastodon makes of it: escaped, with links cut in parts.
func paragraph(text string) string {
	if text == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("<p>")
	rest := text
	for _, m := range linkShape.FindAllString(text, -1) {
		before, after, _ := strings.Cut(rest, m)
		scheme, address, _ := strings.Cut(m, "://")
		b.WriteString(html.EscapeString(before))
		b.WriteString(`<a href="` + html.EscapeString(m) + `" target="_blank" rel="nofollow noopener noreferrer"><span class="invisible">` +
			scheme + `://</span><span class="">` + html.EscapeString(address) + `</span><span class="invisible"></span></a>`)
		rest = after
	}
	b.WriteString(html.EscapeString(rest))
	b.WriteString("</p>")
	return strings.ReplaceAll(b.String(), "\n", "<br />")
}
