package api

import (
	"context"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/statistics"
	"raksha.example/raksha/internal/store"
)

type documentView struct {
	Document     courier.Filed   `json:"document"`
	Items        []courier.Item  `json:"items"`
	HoursAllowed float64         `json:"hours_allowed"`
	Overdue      bool            `json:"overdue"`
	Answers      []courier.Filed `json:"answers"`
}

type noticeBody struct {
	Audience string `json:"audience"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	Language string `json:"language,omitempty" doc:"In which its paper is printed: en or hi"`
}

type summonsBody struct {
	Audience  string   `json:"audience"`
	Matter    string   `json:"matter"`
	Act       string   `json:"act"`
	HearingAt int64    `json:"hearing_at"`
	Place     string   `json:"place"`
	Asked     []string `json:"asked"`
	Language  string   `json:"language,omitempty" doc:"In which its paper is printed: en or hi"`
}

type replyBody struct {
	DocumentID int64  `json:"document_id"`
	Text       string `json:"text"`
	Language   string `json:"language,omitempty" doc:"In which its paper is printed: en or hi"`
}

type reportBody struct {
	Audience  string `json:"audience"`
	CaseID    int64  `json:"case_id"`
	InReplyTo string `json:"in_reply_to,omitempty"`
	Language  string `json:"language,omitempty" doc:"In which its paper is printed: en or hi"`
}

type orderBody struct {
	Audience       string  `json:"audience"`
	CaseID         int64   `json:"case_id"`
	AccountIDs     []int64 `json:"account_ids,omitempty"`
	SelectorIDs    []int64 `json:"selector_ids,omitempty"`
	Reasons        string  `json:"reasons"`
	PreservationID int64   `json:"preservation_id,omitempty"`
	Language       string  `json:"language,omitempty" doc:"In which its paper is printed: en or hi"`
}

type itemsView struct {
	Items []courier.Item `json:"items"`
}

func (a *api) registerDocuments() {
	q := a.DB.Reader()
	type filter struct {
		Credentials
		Direction  string `query:"direction"`
		Instrument string `query:"instrument"`
		InReplyTo  string `query:"in_reply_to"`
		CaseID     int64  `query:"case_id"`
	}
	read(a, "/documents", "Documents sent and received", func(ctx context.Context, in *filter) ([]courier.Filed, error) {
		list, err := courier.List(ctx, q, courier.Filter{Direction: in.Direction, Instrument: in.Instrument, InReplyTo: in.InReplyTo, CaseID: in.CaseID})
		for i := range list {
			list[i].Body = nil
		}
		return visible(ctx, a, list, err, documentCase)
	})
	read(a, "/documents/{id}", "One document with its items, clock and answers", a.document)
	a.registerAuthorisation()
	write(a, "/notices", "Draft a notice", nil, func(ctx context.Context, tx *store.Tx, in *with[noticeBody], _ nothing) (courier.Filed, error) {
		b := in.Body
		return a.Orders.Draft(ctx, tx, orders.Request{Instrument: courier.Notice, Audience: b.Audience, Subject: b.Subject, Content: orders.Content{Text: b.Text, Language: b.Language}}, acting(ctx))
	})
	write(a, "/summonses", "Draft a summons", nil, func(ctx context.Context, tx *store.Tx, in *with[summonsBody], _ nothing) (courier.Filed, error) {
		b := in.Body
		return a.Orders.Draft(ctx, tx, orders.Request{Instrument: courier.Summons, Audience: b.Audience, Subject: b.Matter,
			Content: orders.Content{LegalBasis: b.Act, Matter: b.Matter, HearingAt: b.HearingAt, Place: b.Place, Asked: b.Asked, Language: b.Language}}, acting(ctx))
	})
	write(a, "/replies", "Draft a reply to a notice or summons", nil, func(ctx context.Context, tx *store.Tx, in *with[replyBody], _ nothing) (courier.Filed, error) {
		p, _ := identity.Acting(ctx)
		if _, err := a.People.Check(ctx, tx, p, identity.Ask{Need: identity.DraftDocuments, Kind: identity.OfDocument, ID: in.Body.DocumentID, As: identity.Writer}); err != nil {
			return courier.Filed{}, err
		}
		f, err := courier.ByID(ctx, tx, in.Body.DocumentID)
		if err != nil {
			return f, err
		}
		if f.Direction != courier.In {
			return f, fault.New(fault.Invalid, "only a received document is replied to")
		}
		return a.Orders.Draft(ctx, tx, orders.Request{Instrument: courier.Response, Audience: f.Issuer, Subject: "Reply to " + f.Number, InReplyTo: f.JTI, Content: orders.Content{Text: in.Body.Text, Language: in.Body.Language}}, acting(ctx))
	})
	write(a, "/action-taken-reports", "Draft an action-taken report; its figures come from the record",
		func(ctx context.Context, in *with[reportBody]) (statistics.Figures, error) {
			return statistics.Compute(ctx, q, a.Clock.Now(), in.Body.CaseID, a.Law.Location())
		},
		func(ctx context.Context, tx *store.Tx, in *with[reportBody], figures statistics.Figures) (courier.Filed, error) {
			b, err := json.Marshal(struct {
				AsOf int64                   `json:"as_of"`
				Case *statistics.CaseFigures `json:"case"`
			}{figures.AsOf, figures.Case})
			if err != nil {
				return courier.Filed{}, err
			}
			return a.Orders.Draft(ctx, tx, orders.Request{Instrument: courier.ActionTakenReport, Audience: in.Body.Audience, Subject: "Action taken", CaseID: in.Body.CaseID,
				InReplyTo: in.Body.InReplyTo, Content: orders.Content{Figures: b, Language: in.Body.Language}}, acting(ctx))
		})
	for path, instrument := range map[string]string{"/preservation-requests": courier.PreservationRequest, "/takedown-orders": courier.TakedownOrder, "/information-requests": courier.InformationRequest} {
		write(a, path, "Draft a "+instrument, nil, func(ctx context.Context, tx *store.Tx, in *with[orderBody], _ nothing) (courier.Filed, error) {
			b := in.Body
			return a.Orders.Draft(ctx, tx, orders.Request{Instrument: instrument, Audience: b.Audience, CaseID: b.CaseID, AccountIDs: b.AccountIDs, SelectorIDs: b.SelectorIDs,
				PreservationID: b.PreservationID, Subject: "Order in a registered case", Content: orders.Content{Reasons: b.Reasons, Language: b.Language}}, acting(ctx))
		})
	}
	write(a, "/documents/{id}/verification", "Look whether each item of an answered takedown order is gone",
		func(ctx context.Context, in *byID) (orders.Availability, error) { return a.Orders.Look(ctx, in.ID) },
		func(ctx context.Context, tx *store.Tx, in *byID, seen orders.Availability) (v itemsView, err error) {
			if err := a.Orders.KeepLook(ctx, tx, in.ID, seen); err != nil {
				return v, err
			}
			v.Items, err = courier.Items(ctx, tx, in.ID)
			return v, err
		})
	if a.Enforcement != nil {
		write(a, "/documents/{id}/execution", "Take a received order or request up", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
			return nothing{}, a.Enforcement.Execute(ctx, tx, in.ID)
		})
		write(a, "/documents/{id}/answer", "Draft the answer to an order or request", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (courier.Filed, error) {
			return a.Enforcement.Answer(ctx, tx, in.ID, acting(ctx))
		})
	}
}

func (a *api) document(ctx context.Context, in *byID) (v documentView, err error) {
	q := a.DB.Reader()
	if v.Document, err = courier.ByID(ctx, q, in.ID); err != nil {
		return v, err
	}
	if v.Items, err = courier.Items(ctx, q, in.ID); err != nil {
		return v, err
	}
	v.HoursAllowed = v.Document.HoursAllowed()
	v.Overdue = v.Document.DueAt != 0 && v.Document.AnsweredAt == 0 && a.Clock.Now().After(store.Time(v.Document.DueAt))
	v.Answers, err = courier.List(ctx, q, courier.Filter{InReplyTo: v.Document.JTI})
	v.Answers, err = visible(ctx, a, v.Answers, err, documentCase)
	return v, err
}

func documentCase(f courier.Filed) (identity.Kind, int64, int64) {
	return identity.OfDocument, f.ID, f.CaseID
}

func (b orderBody) inCase() int64  { return b.CaseID }
func (b reportBody) inCase() int64 { return b.CaseID }

// look gives a picture once.
func (a *api) look() {
	act(a, "/openings/{id}/look", "Look at a picture, once", func(ctx context.Context, in *byID) (picture, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		png, err := a.Triage.Look(ctx, in.ID, acting(ctx))
		return picture{png}, err
	})
}
