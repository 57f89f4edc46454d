package filing

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/store"
)

// incidentTypes gives the type of the CyberTipline's schema for a class; the texts are that scheme's identifiers, verbatim. Material of
// adults has none: it is not sent to child clearinghouses.
var incidentTypes = map[string]string{
	intake.ClassMedia:      "Child Pornography (possession, manufacture, and distribution)",
	intake.ClassEnticement: "Online Enticement of Children for Sexual Acts",
	intake.ClassContact:    "Child Sexual Molestation",
	intake.ClassOther:      "Misleading Words or Digital Images on the Internet",
}

type composed struct {
	report []byte
	files  []composedFile // that are sent as bytes
}

type composedFile struct {
	media        int64
	name, sha256 string
	details      cybertip.FileDetails
}

// mediaRow is what is known of a picture or video of the tip.
type mediaRow struct {
	id                       int64
	name, sha256, md5, pdq   string
	url, state, label, given string
	postedAt, looked         int64
}

// compose makes the report of a tip.
func (f *Filings) compose(ctx context.Context, q store.Queryer, t intake.Tip, d Destination) (c composed, err error) {
	kind, ok := incidentTypes[t.Class]
	if !ok {
		return c, fault.New(fault.Refused, "tip %s tells of %s, which is not filed with a clearinghouse for children", t.Number, strings.ReplaceAll(t.Class, "_", " "))
	}
	r := cybertip.Report{Incident: cybertip.Incident{Type: kind, At: cybertip.DateTime(store.Time(t.OccurredAt))}, Reporter: d.Reporter}
	if t.DangerAt > 0 {
		r.Incident.Escalate = "A child is held to be in danger."
	}
	if err := reported(ctx, q, t, &r); err != nil {
		return c, err
	}
	notes := []string{"Our number: " + t.Number, t.Summary}
	all, err := mediaOf(ctx, q, t)
	if err != nil {
		return c, err
	}
	for i, m := range all {
		kept := false
		if d.Media { // the bytes go only to whom the operator opened this for
			if kept, err = f.Vault.Has(ctx, q, m.sha256); err != nil {
				return c, err
			}
		}
		if kept {
			c.files = append(c.files, composedFile{m.id, m.file(i), m.sha256, m.describe(t.Source)})
			continue
		}
		notes = append(notes, fmt.Sprintf("File %d, not enclosed: SHA-256 %s, MD5 %s, PDQ %s", i+1, m.sha256, or(m.md5, "unknown"), or(m.pdq, "none")))
	}
	r.AdditionInfo = cybertip.Text(strings.Join(notes, "\n"))
	c.report, err = cybertip.Document(r)
	return c, err
}

// reported says whom the tip tells of and where.
func reported(ctx context.Context, q store.Queryer, t intake.Tip, r *cybertip.Report) error {
	var p cybertip.Reported
	if t.AccountID != 0 {
		a, err := platforms.AccountByID(ctx, q, t.AccountID)
		if err != nil {
			return err
		}
		r.Incident.Platform = a.Host
		p.Identifier, p.Service, p.ScreenName, p.ProfileURLs, p.Bio = a.NativeID, a.Host, a.Handle, []string{a.URL}, cybertip.Text(a.Bio)
		if a.DisplayName != "" {
			p.DisplayNames = []string{a.DisplayName}
		}
	}
	for _, hint := range strings.Split(t.Hints, "\n") {
		switch kind, value, _ := strings.Cut(hint, ":"); kind {
		case "ip":
			p.IPs = append(p.IPs, cybertip.IP{Address: value, Event: "Unknown"})
		case "phone":
			if p.Person == nil {
				p.Person = &cybertip.Contact{}
			}
			p.Person.Phones = append(p.Person.Phones, value)
		}
	}
	if t.AccountID != 0 || len(p.IPs) > 0 || p.Person != nil {
		r.Reported = []cybertip.Reported{p}
	}
	url := t.Locator
	if t.PostID != 0 {
		post, err := platforms.PostByID(ctx, q, t.PostID)
		if err != nil {
			return err
		}
		url = post.URL
	}
	if strings.HasPrefix(url, "http") {
		r.Web = &cybertip.Web{URLs: []string{url}}
	}
	return nil
}

// mediaOf reads the pictures and videos of a tip: of a scan's, those behind which an exact hash or a person stands.
func mediaOf(ctx context.Context, q store.Queryer, t intake.Tip) ([]mediaRow, error) {
	where, id := "m.post_id = $1", t.PostID
	if t.PostID == 0 {
		where, id = "m.id IN (SELECT f.media_id FROM report_file f JOIN report r ON r.id = f.report_id WHERE r.tip_id = $1)", t.ID
	}
	if t.Source == intake.FromScan {
		where += " AND x.state IN ('exact', 'confirmed')"
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (m mediaRow, err error) {
		return m, rows.Scan(&m.id, &m.sha256, &m.md5, &m.pdq, &m.name, &m.url, &m.postedAt, &m.state, &m.label, &m.given, &m.looked)
	}, `SELECT m.id, m.sha256, m.md5, m.pdq, COALESCE((SELECT MIN(n.name) FROM report_file n WHERE n.media_id = m.id), ''), COALESCE(p.url, ''), COALESCE(p.posted_at, 0), COALESCE(x.state, ''),
		COALESCE(x.label, ''), m.viewed, (SELECT COUNT(*) FROM opening o WHERE o.match_id = x.id AND o.opened_at > 0)
		FROM media m LEFT JOIN post p ON p.id = m.post_id LEFT JOIN media_match x ON x.media_id = m.id WHERE m.sha256 <> '' AND `+where+" ORDER BY m.id", id)
}

func (m mediaRow) file(i int) string { return or(m.name, fmt.Sprintf("file-%d", i+1)) }

// describe says of a file what this node knows: it was viewed if somebody here looked at it, or the provider says that it did.
func (m mediaRow) describe(source string) cybertip.FileDetails {
	d := cybertip.FileDetails{OriginalName: m.name, UploadedAt: cybertip.DateTime(store.Time(m.postedAt)), Location: m.url}
	switch viewed, not := true, false; {
	case m.looked > 0 || m.given == "yes":
		d.Viewed = &viewed
	case m.given == "no" || source == intake.FromScan:
		d.Viewed = &not
	}
	if m.url != "" && source == intake.FromScan {
		public := true // scans read public posts only
		d.Public = &public
	}
	switch m.label {
	case "A1", "A2", "B1", "B2":
		d.Classification = m.label
	}
	for _, h := range []cybertip.Hash{{Type: "MD5", Value: m.md5}, {Type: "SHA256", Value: m.sha256}, {Type: "PDQ", Value: m.pdq}} {
		if h.Value != "" {
			d.Hashes = append(d.Hashes, h)
		}
	}
	return d
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
