package web

import (
	"context"
	"encoding/json"
	"fmt"
)

// Shared returns what fetch reads for the organization, under a name that says what it depends on. While pages refresh themselves, all
// viewers share one reading, as with Request.Get. The value must survive encoding as JSON.
func Shared[T any](q *Request, name string, fetch func(ctx context.Context) (T, error)) (value T, err error) {
	encoded := func(ctx context.Context) (json.RawMessage, error) {
		ctx, cancel := context.WithTimeout(ctx, q.kit.timeout)
		defer cancel()
		read, err := fetch(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(read)
	}
	data, err := q.kit.snapshots.get(q.Context(), snapshotKey{q.Organization.ID, "shared " + name}, q.Refreshing(), encoded)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return value, fmt.Errorf("decode %s: %w", name, err)
	}
	return value, nil
}

// Timed returns a context for what a page reads from the store itself. The caller has to call cancel.
func (q *Request) Timed() (ctx context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(q.Context(), q.kit.timeout)
}
