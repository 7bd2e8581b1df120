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

// lookup finds keys in the database. Concurrent calls share a statement, and each answer is cached. A lookup runs at most maxStatements
// statements at a time, each for up to maxBatch keys. Its load on the database is therefore bounded, and no key has to be refused
// without a lookup.
type lookup struct {
	cache *cache.Cache[hash, answer]
	group *groupcommit.Group[question, answer]
}

// question is the hash to look up and the context of the caller.
type question struct {
	ctx  context.Context //nolint:containedctx // a canceled caller is left out of the statement
	hash hash
}

// answer is a key, or none.
type answer struct {
	key   webhook.APIKey
	found bool
}

const (
	// maxBatch is the largest number of keys in one statement.
	maxBatch = 200
	// maxStatements is the largest number of statements of a lookup in progress.
	maxStatements = 2
)

func newLookup(store Store, timeout time.Duration) *lookup {
	return &lookup{
		cache: cache.New[hash, answer](),
		group: groupcommit.New(func(ctx context.Context, questions []question) ([]answer, []error) {
			return ask(ctx, store, questions)
		}, groupcommit.Options{MaxBatch: maxBatch, Writers: maxStatements, Timeout: timeout}),
	}
}

// find returns the key with the hash and whether it exists. It returns an error if the database could not be read.
func (l *lookup) find(ctx context.Context, h hash) (webhook.APIKey, bool, error) {
	a, err := l.cache.Get(ctx, h, func(ctx context.Context) (answer, error) {
		return l.group.Do(ctx, question{ctx, h})
	})
	return a.key, a.found, err
}

// ask looks up the keys of the callers that still wait. Questions that accumulated while the database hung, and whose callers have
// timed out, need no statement.
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
