package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/intake"
)

// TestComplaintAPI hands a file in as bytes and as text, and corrects what could not be read.
func TestComplaintAPI(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		const text = "No,Twitter handle\n1,@kite_river\n2,by the river\n"
		file, err := json.Marshal([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var p intake.Preview
		d.post(d.tokens["lead"], "/complaints/preview", fmt.Sprintf(`{"file":%s}`, file), http.StatusOK, "", &p)
		if p.Tips != 1 || p.Unreadable != 1 || len(p.Rows) != 2 || p.Rows[0].Address != "https://x.com/kite_river" {
			t.Errorf("%+v", p)
		}
		asText, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		d.post(d.tokens["lead"], "/complaints", fmt.Sprintf(`{"reference":"R/1","complainant":"x","csv":%s,"file":%s}`, asText, file), http.StatusUnprocessableEntity, "invalid", nil)
		var c intake.Complaint
		d.post(d.tokens["lead"], "/complaints", fmt.Sprintf(`{"reference":"R/1","complainant":"x","csv":%s}`, asText), http.StatusOK, "", &c)
		d.post(d.tokens["lead"], "/complaints", fmt.Sprintf(`{"reference":"R/1","complainant":"x","file":%s}`, file), http.StatusConflict, "conflict", nil)
		var l intake.KeptLine
		d.post(d.tokens["lead"], fmt.Sprintf("/complaints/%d/lines/2/correction", c.ID), `{"address":"insta: kite.river"}`, http.StatusOK, "", &l)
		if l.State != "tip" || l.Address != "https://instagram.com/kite.river" || l.Typed != "by the river" {
			t.Errorf("%+v", l)
		}
		d.post(d.tokens["nobody"], fmt.Sprintf("/complaints/%d/lines/2/correction", c.ID), `{"address":"insta: kite.river"}`, http.StatusForbidden, "no_permission", nil)
		status, body, _ := d.call(http.MethodGet, fmt.Sprintf("/api/v1/complaints/%d/export?format=xlsx", c.ID), "", bearer(d.tokens["lead"]))
		var table struct {
			Name    string `json:"name"`
			Content []byte `json:"content"`
		}
		if err := json.Unmarshal([]byte(body), &table); status != http.StatusOK || err != nil || len(table.Content) < 1000 {
			t.Errorf("export %d %s: %v", status, table.Name, err)
		}
	})
}
