package platforms

import (
	"context"
	"net/http"
	"net/url"

	"raksha.example/raksha/internal/fault"
)

// AdminAccount reads an account as its administrators see it, suspended or not (GET /api/v1/admin/accounts/:id).
// Needs the scope admin:read:accounts.
func (m *Mastodon) AdminAccount(ctx context.Context, id string) (Account, error) {
	a, err := m.admin(ctx, id)
	if err != nil {
		return Account{}, err
	}
	account := a.Account.account(m.host)
	account.Suspended = a.Suspended
	return account, nil
}

// Holder gives what the platform holds on the person behind an account, suspended or not (GET
// /api/v1/admin/accounts/:id). Mastodon keeps e-mail and addresses; other holders of this API add name, phone, ports
// and events. Needs the scope admin:read:accounts.
func (m *Mastodon) Holder(ctx context.Context, id string) (Holder, error) {
	a, err := m.admin(ctx, id)
	if err != nil {
		return Holder{}, err
	}
	return a.holder(), nil
}

func (m *Mastodon) admin(ctx context.Context, id string) (adminJSON, error) {
	var a adminJSON
	seg, err := segment(id)
	if err != nil {
		return a, err
	}
	_, err = m.call(ctx, request{method: http.MethodGet, path: "/api/v1/admin/accounts/" + seg, signed: true}, &a)
	if err == nil && a.ID == "" {
		err = m.unreadable(ctx, fault.New(fault.Invalid, "admin account without an id"))
	}
	return a, err
}

// Suspend takes an account and its posts out of view (POST /api/v1/admin/accounts/:id/action). The platform keeps note
// with its own record of the act; its holder gets no mail from it. Needs the scope admin:write:accounts.
func (m *Mastodon) Suspend(ctx context.Context, id, note string) error {
	seg, err := segment(id)
	if err != nil {
		return err
	}
	form := url.Values{"type": {"suspend"}, "text": {note}, "send_email_notification": {"false"}}
	_, err = m.call(ctx, request{method: http.MethodPost, path: "/api/v1/admin/accounts/" + seg + "/action", form: form, signed: true}, nil)
	return err
}

// Restore undoes Suspend (POST /api/v1/admin/accounts/:id/unsuspend).
func (m *Mastodon) Restore(ctx context.Context, id string) error {
	seg, err := segment(id)
	if err != nil {
		return err
	}
	_, err = m.call(ctx, request{method: http.MethodPost, path: "/api/v1/admin/accounts/" + seg + "/unsuspend", form: url.Values{}, signed: true}, nil)
	return err
}

// File files a report with the platform and gives its id there (POST /api/v1/reports). Needs the scope write:reports.
func (m *Mastodon) File(ctx context.Context, r Report) (id string, err error) {
	if r.AccountID == "" {
		return "", fault.New(fault.Invalid, "a report to the platform names an account")
	}
	if r.Category == "" {
		r.Category = CategoryLegal
	}
	form := url.Values{"account_id": {r.AccountID}, "status_ids[]": r.PostIDs, "comment": {r.Comment},
		"category": {r.Category}, "forward": {"false"}}
	var filed struct {
		ID string `json:"id"`
	}
	if _, err := m.call(ctx, request{method: http.MethodPost, path: "/api/v1/reports", form: form, signed: true}, &filed); err != nil {
		return "", err
	}
	if filed.ID == "" {
		return "", m.unreadable(ctx, fault.New(fault.Invalid, "report without an id"))
	}
	return filed.ID, nil
}
