package identity

import (
	"context"
	"database/sql"
	"errors"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Replied gives the answer that a person's call with an idempotency key got before, "" if there was none. A key belongs to
// the operation that it was first used for.
func (p *People) Replied(ctx context.Context, q store.Queryer, key string, person int64, operation string) (response string, err error) {
	var request string
	err = q.QueryRowContext(ctx, "SELECT request, response FROM reply WHERE idempotency_key = $1 AND person_id = $2", key, person).Scan(&request, &response)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err == nil && request != operation {
		err = fault.New(fault.Conflict, "the idempotency key %q was used for another operation", key)
	}
	return response, err
}

// Reply keeps an answer under its idempotency key, in the transaction of the change that it tells of.
func (p *People) Reply(ctx context.Context, tx *store.Tx, key string, person int64, operation, response string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO reply (idempotency_key, person_id, request, response, created_at) VALUES ($1, $2, $3, $4, $5)",
		key, person, operation, response, store.Micros(p.clock.Now()))
	return err
}
