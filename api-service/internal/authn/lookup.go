package authn

import (
	"context"
	"crypto/sha256"
	"time"

	"redrive/api-service/internal/recent"
	"redrive/pkg/groupcommit"
	"redrive/pkg/webhook"
)

type hash = [sha256.Size]byte

// lookup finds keys in the database. Calls at the same time share a statement, and each answer is cached for a moment. A lookup has
// a bounded share of the database however many keys are asked for: writers statements at a time, each of which finds up to
// maxTogether keys by their index. So every key can be looked up, and none has to be refused before it is known.
type lookup struct {
	cache *recent.Cache[hash, answer]
	group *groupcommit.Group[question, answer]
}

// question is a hash and the context of the caller.
type question struct {
	ctx  context.Context //nolint:containedctx // a caller that has gone is left out of the statement
	hash hash
}

// answer is a key, or none.
type answer struct {
	key   webhook.APIKey
	found bool
}

const (
	// maxTogether is how many keys are looked up in one statement.
	maxTogether = 200
	// writers is how many statements of a lookup run at the same time.
	writers = 2
)

func newLookup(store Store, timeout time.Duration) *lookup {
	return &lookup{
		cache: recent.New[hash, answer](),
		group: groupcommit.New(func(ctx context.Context, questions []question) ([]answer, []error) {
			return ask(ctx, store, questions)
		}, groupcommit.Options{MaxBatch: maxTogether, Writers: writers, Timeout: timeout}),
	}
}

// find returns the key with the hash, whether there is one, and an error if the database did not say.
func (l *lookup) find(ctx context.Context, h hash) (webhook.APIKey, bool, error) {
	a, err := l.cache.Get(ctx, h, func(ctx context.Context) (answer, error) {
		return l.group.Do(ctx, question{ctx, h})
	})
	return a.key, a.found, err
}

// ask looks the keys up for those callers that still wait. So what has piled up while the database hung costs nothing afterwards.
func ask(ctx context.Context, store Store, questions []question) ([]answer, []error) {
	answers, failures := make([]answer, len(questions)), make([]error, len(questions))
	var places []int
	var hashes []hash
	for i, q := range questions {
		if failures[i] = q.ctx.Err(); failures[i] == nil {
			places, hashes = append(places, i), append(hashes, q.hash)
		}
	}
	if len(hashes) == 0 {
		return answers, failures
	}
	keys, errs := store.FindAPIKeysByHash(ctx, hashes)
	for i, place := range places {
		switch {
		case errs[i] == nil:
			answers[place] = answer{keys[i], true}
		case webhook.CodeOf(errs[i]) != webhook.CodeNotFound:
			failures[place] = errs[i]
		}
	}
	return answers, failures
}
