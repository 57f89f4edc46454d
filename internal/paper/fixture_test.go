package paper_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/paper"
	"raksha.example/raksha/internal/paper/typeset"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/web"
)

func fonts(t testing.TB) *typeset.Fonts {
	t.Helper()
	f, err := typeset.Load(web.Fonts())
	if err != nil {
		t.Fatalf("%v (or web/fonts.sh alone)", err)
	}
	return f
}

// poppler runs one of the programs of poppler-utils on a PDF and gives what it prints.
func poppler(t testing.TB, pdf []byte, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if testing.Short() {
			t.Skipf("%s is missing; make setup installs it", program)
		}
		t.Fatalf("%s is missing; run make setup", program)
	}
	name := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(name, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(args, name)
	if program == "pdftotext" {
		args = append(args, "-") // to standard output, where the others write by themselves
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// words gives the text of a PDF in the order in which it was written, with single blanks.
func words(t testing.TB, pdf []byte) string {
	t.Helper()
	var out strings.Builder
	for _, l := range strings.Split(poppler(t, pdf, "pdftotext", "-raw"), "\n") {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			out.WriteString(l + "\n")
		}
	}
	return out.String()
}

var zone = time.FixedZone("IST", 330*60)

const (
	sum        = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	checkpoint = "raksha.example/record/0a1b2c3d4e5f\n1482\nq83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng=\n\n— sig\n"
)

func sheet(instrument, language string, c any, items ...courier.Item) paper.Sheet {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // the test's own values
	}
	at := time.Date(2022, 9, 28, 6, 0, 0, 0, time.UTC)
	rule := rules.Rule{ID: "in." + instrument, Version: 1, Instrument: instrument, Trigger: rules.OnReceipt, Duration: "36h", Certainty: rules.SecondarySeen}
	for i := range items {
		items[i].N = int64(i + 1)
	}
	return paper.Sheet{Language: language, Instrument: instrument, Number: "UNIT.CAPITAL/X/2022/0007", Version: 1, ID: "4f2a9c1e0b7d8e6f4f2a9c1e0b7d8e6f", Letterhead: "Cyber Crime Unit, Capital",
		Address: []string{"7 River Road, Capital", "Agency id: unit.capital", "Telephone: +91 11 5550 0100"}, To: "Chirp", Contact: []string{"Agency id: chirp", "Contact: nodal officer +91 11 5550 0199"},
		Subject: "Order in a registered case", Rule: &rule, RuleID: rule.Name(), Content: b, Items: items, At: at, ReceivedAt: at.Add(time.Minute), DueAt: at.Add(36*time.Hour + time.Minute), Zone: zone,
		Signatory: "Ira Sen, DIG", Authority: "ORD/2022/14", OfficerKID: "officer-1a2b3c4d5e6f7081", AgencyKID: "agency-8f7e6d5c4b3a2910", Passkey: true, SHA256: sum, Checkpoint: checkpoint,
		CheckURL: "https://raksha.unit.example/verify", Code: "7K3M-0QWE-X9TB"}
}

// each is one paper of each instrument in a language.
func each(language string) map[string]paper.Sheet {
	account := func(n int) courier.Item {
		return courier.Item{Kind: "account", Locator: fmt.Sprintf("https://chirp.example/@basket_0Il1_%d", n), NativeID: fmt.Sprint(109000000000000000 + n), Action: "suspend_account"}
	}
	order := orders.Content{LegalBasis: "Information Technology Act 2000 s.79(3)(b) read with s.67B and POCSO Act 2012 s.15; IT Rules 2021 r.3(1)(d)", Procedure: "CrPC s.91",
		Reasons: "Each account offers kites for sale by the river.\n\nThe basket at https://chirp.example/river was seen on 20 September.", CaseRef: "FIR CYBER/161/2022", Scope: "the whole account, wherever the service is offered",
		Redress: "The provider may contest the order before the issuing authority or the High Court.", Confidential: "Do not tell the account's holder before 28 December 2022.", PreserveFirst: true, Preservation: "UNIT.CAPITAL/PR/2022/0003"}
	preserve, ask := order, order
	preserve.PreserveFirst, preserve.Preservation = false, ""
	ask.PreserveFirst, ask.Preservation, ask.LegalBasis = false, "", "Code of Criminal Procedure 1973 s.91; IT Rules 2021 r.3(1)(j)"
	out := map[string]paper.Sheet{
		courier.TakedownOrder: sheet(courier.TakedownOrder, language, order, account(1), account(2)),
		courier.PreservationRequest: sheet(courier.PreservationRequest, language, preserve,
			courier.Item{Kind: "account", Locator: "https://chirp.example/@river", NativeID: "1", Action: "preserve"}),
		courier.InformationRequest: sheet(courier.InformationRequest, language, ask, courier.Item{Kind: "phone", Locator: "+911155500142", NativeID: "12", Action: "produce"}),
		courier.Summons: sheet(courier.Summons, language, orders.Content{LegalBasis: "Delhi Commission for Women Act 1994 s.10", Matter: "Accounts that spread the listed media", HearingAt: 1664173800000000,
			Place: "Office of the commission, hall 2", Asked: []string{"A list of the accounts blocked", "The steps taken since 20 September"}}),
		courier.Notice: sheet(courier.Notice, language, orders.Content{LegalBasis: "Delhi Commission for Women Act 1994 s.10", Text: "कृपया बताइए कि क्षेत्र के खातों पर क्या कार्रवाई हुई।\n\nPlease say what was done about the 96 accounts."}),
		courier.Referral: sheet(courier.Referral, language, map[string]any{"channel": "MoU of 26 April 2019", "reason": "The phone circle of the account is the capital's",
			"tips": []any{map[string]any{"number": "NCRB/2022/17", "class": "media", "locator": "https://chirp.example/@kite/9", "occurred_at": 1664173800000000, "media": []any{map[string]any{"sha256": sum, "size": 4096}}}}},
			courier.Item{Kind: "tip", Locator: "NCRB/2022/17"}),
		courier.Response: sheet(courier.Response, language, orders.Content{Text: "Answer to the order", Data: "-----BEGIN AGE ENCRYPTED FILE-----\nxxxx"},
			courier.Item{Kind: "account", Locator: "https://chirp.example/@basket_1", NativeID: "109000000000000001", State: "account_suspended", EffectedAt: 1664380000000000},
			courier.Item{Kind: "account", Locator: "https://chirp.example/@river_2", State: "refused", Reason: "The account is another's, see https://chirp.example/help"}),
		courier.ActionTakenReport: sheet(courier.ActionTakenReport, language, orders.Content{Figures: json.RawMessage(`{"as_of":1664380000000000,"case":{"accounts":96,"blocked":23,"by_team":[{"team":"Kite","posts":120}]}}`)}),
	}
	response := out[courier.Response]
	response.Answer, response.InReplyTo, response.Rule, response.RuleID, response.DueAt = true, "UNIT.CAPITAL/TO/2022/0007", nil, "", time.Time{}
	out[courier.Response] = response
	return out
}
