package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/store"
)

// The page of a tip that a provider filed shows every element; what tells who a child is only behind a page of its own, for a purpose
// of its own.
func TestFiledReport(t *testing.T) {
	now := time.Date(2022, 9, 20, 4, 30, 0, 0, time.UTC)
	n := newNode(t, &now, "clearinghouse", "Clearinghouse", directory.Clearinghouse)
	report := `<report><incidentSummary><incidentType>Misleading Domain Name</incidentType><incidentDateTime>2022-09-19T10:00:00Z</incidentDateTime></incidentSummary>
		<internetDetails><webPageIncident thirdPartyHostedContent="true"><url>https://river.example/share/1</url></webPageIncident></internetDetails>
		<reporter><reportingPerson><firstName>` + html.EscapeString(hostile) + `</firstName></reportingPerson></reporter>
		<personOrUserReported><screenName>kite_river</screenName><profileUrl>https://chirp.example/@kite_river</profileUrl></personOrUserReported>
		<victim><victimPerson><firstName>Sealedname</firstName></victimPerson></victim><somethingNew level="2">kept by the river</somethingNew></report>`
	var id, tip int64
	n.write(func(tx *store.Tx) (err error) {
		id, err = n.tips.Submit(n.ctx, tx, "feed", []byte(report))
		return err
	})
	n.write(func(tx *store.Tx) error {
		if _, err := n.tips.Finish(n.ctx, tx, "feed", id); err != nil {
			return err
		}
		return tx.QueryRowContext(n.ctx, "SELECT tip_id FROM report WHERE id = $1", id).Scan(&tip)
	})
	in := n.signedIn()
	page := fmt.Sprintf("%s/tips/%d", n.server.URL, tip)
	resp, body := get(t, in, page)
	examine(t, body)
	for _, want := range []string{"incident type", "Misleading Domain Name", "third party hosted content: true", "kite_river", "something new", "kept by the river", "not in the schema", "hxxps://river[.]example/share/1", "sealed"} {
		if !strings.Contains(body, want) {
			t.Errorf("status %d, the page lacks %q", resp.StatusCode, want)
		}
	}
	for _, never := range []string{"Sealedname", "https://river.example", "https://chirp.example", "<script>alert"} {
		if strings.Contains(body, never) {
			t.Errorf("the page tells %q", never)
		}
	}
	resp, body = get(t, in, page+"/victim")
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/purpose?for=victim") || strings.Contains(body, "Sealedname") {
		t.Fatalf("without a purpose of its own: status %d to %q", resp.StatusCode, to)
	}
	said, err := in.PostForm(n.server.URL+"/purpose", url.Values{"for": {"victim"}, "purpose": {"to reach the child"}, "next": {"/"}})
	if err != nil {
		t.Fatal(err)
	}
	said.Body.Close()
	resp, body = get(t, in, page+"/victim")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sealedname") || strings.Contains(body, "kept by the river") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	var reads int
	if err := n.db.Reader().QueryRow("SELECT COUNT(*) FROM access_read WHERE object = 'victim' AND object_id = $1 AND purpose = 'to reach the child'", tip).Scan(&reads); err != nil || reads != 1 {
		t.Errorf("%d reads are logged: %v", reads, err)
	}
}
