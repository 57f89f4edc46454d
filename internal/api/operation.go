package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// Credentials are the headers every operation reads.
type Credentials struct {
	Authorization  string `header:"Authorization" hidden:"true"`
	Cookie         string `cookie:"raksha_session" hidden:"true"`
	Purpose        string `header:"Purpose" maxLength:"300" doc:"For what purpose restricted material is read; the read is logged with it"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"A repeated call with the same key gets the first call's answer and changes nothing"`
}

func (c Credentials) get() Credentials { return c }

type authorised interface{ get() Credentials }

type output[T any] struct{ Body T }

// operation is what read and write have in common: the guard of the access table stands before the body is read.
func (a *api) operation(method, path, summary string) huma.Operation {
	r, ok := access[method+" "+path]
	o := huma.Operation{OperationID: opID(strings.ToLower(method), path), Method: method, Path: "/api/v1" + path, Summary: summary,
		DefaultStatus: http.StatusOK, MaxBodyBytes: commandLimit, Middlewares: huma.Middlewares{a.guard(r, ok)}}
	if r.big {
		o.MaxBodyBytes = bodyLimit
	}
	return o
}

// read registers an operation that changes nothing. Who may call it stands in the table of access.
func read[I authorised, O any](a *api, path, summary string, fn func(ctx context.Context, in *I) (O, error)) {
	huma.Register(a.huma, a.operation(http.MethodGet, path, summary), func(ctx context.Context, in *I) (*output[O], error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &output[O]{out}, nil
	})
}

// write registers an operation that changes something, in one transaction with its idempotency key. Who may call it stands
// in the table of access. prepare does what is slow, outside the transaction; it may be nil and its result goes to fn.
func write[I authorised, P, O any](a *api, path, summary string, prepare func(ctx context.Context, in *I) (P, error),
	fn func(ctx context.Context, tx *store.Tx, in *I, p P) (O, error)) {
	huma.Register(a.huma, a.operation(http.MethodPost, path, summary), func(ctx context.Context, in *I) (*output[O], error) {
		out, err := once(ctx, a, path, in, prepare, fn)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &output[O]{out}, nil
	})
}

// act registers a change that is no stored answer: it gives a secret or a picture, or opens a session. It takes no
// idempotency key.
func act[I authorised, O any](a *api, path, summary string, fn func(ctx context.Context, in *I) (O, error)) {
	huma.Register(a.huma, a.operation(http.MethodPost, path, summary), func(ctx context.Context, in *I) (*output[O], error) {
		if (*in).get().IdempotencyKey != "" {
			return nil, a.fail(ctx, fault.New(fault.Invalid, "this call cannot be repeated safely and takes no Idempotency-Key"))
		}
		if err := a.bodyCase(ctx, a.DB.Reader(), in); err != nil {
			return nil, a.fail(ctx, err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &output[O]{out}, nil
	})
}

// once runs a change, or gives the stored answer of its idempotency key.
func once[I authorised, P, O any](ctx context.Context, a *api, path string, in *I, prepare func(context.Context, *I) (P, error), fn func(context.Context, *store.Tx, *I, P) (O, error)) (out O, err error) {
	key := (*in).get().IdempotencyKey
	person, _ := identity.Acting(ctx)
	if key != "" {
		if done, err := a.replied(ctx, a.DB.Reader(), key, person.ID, path, &out); done || err != nil {
			return out, err
		}
	}
	if err := a.bodyCase(ctx, a.DB.Reader(), in); err != nil {
		return out, err
	}
	var p P
	if prepare != nil {
		if p, err = prepare(ctx, in); err != nil {
			return out, err
		}
	}
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := a.again(ctx, tx, in); err != nil { // what was revoked while the slow part ran does nothing
			return err
		}
		return a.keyed(ctx, tx, key, person.ID, path, &out, func() (err error) {
			out, err = fn(ctx, tx, in, p)
			return err
		})
	})
	return out, err
}

// keyed runs a change and stores its answer under its idempotency key, or reads back the answer of the change that was
// made under it before.
func (a *api) keyed(ctx context.Context, tx *store.Tx, key string, person int64, path string, out any, change func() error) error {
	if key == "" {
		return change()
	}
	if done, err := a.replied(ctx, tx, key, person, path, out); done || err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return a.People.Reply(ctx, tx, key, person, path, string(b))
}

func (a *api) replied(ctx context.Context, q store.Queryer, key string, person int64, path string, out any) (bool, error) {
	response, err := a.People.Replied(ctx, q, key, person, path)
	if err != nil || response == "" {
		return false, err
	}
	return true, json.Unmarshal([]byte(response), out)
}

func acting(ctx context.Context) int64 {
	p, _ := identity.Acting(ctx)
	return p.ID
}

func opID(method, path string) string {
	return method + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path)
}

// byID is an operation on one object.
type byID struct {
	Credentials
	ID int64 `path:"id"`
}

type empty struct{ Credentials }

type with[T any] struct {
	Credentials
	Body T
}

type withID[T any] struct {
	Credentials
	ID   int64 `path:"id"`
	Body T
}

type nothing struct{}

type newID struct {
	ID int64 `json:"id"`
}
