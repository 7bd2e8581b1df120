package authn

import (
	"context"
	"crypto/sha256"
	"time"

	"redrive/api-service/internal/cache"
	"redrive/pkg/groupcommit"
	"redrive/pkg/webhook"
)

type hash = [sha256.Size]byte

// lookup finds values in the database. Concurrent calls share a statement, and each answer is cached. A lookup runs at most maxStatements
// statements at a time, each for up to maxBatch keys. Its load on the database is therefore bounded, and no key has to be refused
// without a lookup.
type lookup[K comparable, V any] struct {
	cache *cache.Cache[K, answer[V]]
	group *groupcommit.Group[question[K], answer[V]]
}

// question is the key to look up and the context of the caller.
type question[K any] struct {
	ctx context.Context //nolint:containedctx // a canceled caller is left out of the statement
	key K
}

// answer is a value, or none.
type answer[V any] struct {
	value V
	found bool
}

const (
	// maxBatch is the largest number of keys in one statement.
	maxBatch = 200
	// maxStatements is the largest number of statements of a lookup in progress.
	maxStatements = 2
)

// read returns a value or an error for each key, in their order. A missing value is an error with the code not_found.
type read[K, V any] func(ctx context.Context, keys []K) ([]V, []error)

func newLookup[K comparable, V any](read read[K, V], timeout time.Duration) *lookup[K, V] {
	return &lookup[K, V]{
		cache: cache.New[K, answer[V]](),
		group: groupcommit.New(func(ctx context.Context, questions []question[K]) ([]answer[V], []error) {
			return ask(ctx, read, questions)
		}, groupcommit.Options{MaxBatch: maxBatch, Writers: maxStatements, Timeout: timeout}),
	}
}

// find returns the value of the key and whether it exists. It returns an error if the database could not be read.
func (l *lookup[K, V]) find(ctx context.Context, key K) (V, bool, error) {
	a, err := l.cache.Get(ctx, key, func(ctx context.Context) (answer[V], error) {
		return l.group.Do(ctx, question[K]{ctx, key})
	})
	return a.value, a.found, err
}

// ask looks up the keys of the callers that still wait. Questions that accumulated while the database hung, and whose callers have
// timed out, need no statement.
func ask[K, V any](ctx context.Context, read read[K, V], questions []question[K]) ([]answer[V], []error) {
	answers, failures := make([]answer[V], len(questions)), make([]error, len(questions))
	var places []int
	var keys []K
	for i, q := range questions {
		if failures[i] = q.ctx.Err(); failures[i] == nil {
			places, keys = append(places, i), append(keys, q.key)
		}
	}
	if len(keys) == 0 {
		return answers, failures
	}
	values, errs := read(ctx, keys)
	for i, place := range places {
		switch {
		case errs[i] == nil:
			answers[place] = answer[V]{values[i], true}
		case webhook.CodeOf(errs[i]) != webhook.CodeNotFound:
			failures[place] = errs[i]
		}
	}
	return answers, failures
}
