package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestOnReplicaWhoAnswers(t *testing.T) {
	unavailable := webhook.Unavailable(time.Second, errors.New("canceling statement due to conflict with recovery"))
	for name, c := range map[string]struct {
		forbidden bool
		staleness time.Duration
		err       error // of the replica
		answered  bool
		counts    ReplicaCounts
	}{
		"fresh":                    {answered: true, counts: ReplicaCounts{Replica: 1}},
		"as old as permitted":      {staleness: MaxStaleness, answered: true, counts: ReplicaCounts{Replica: 1}},
		"older":                    {staleness: MaxStaleness + 1, counts: ReplicaCounts{Primary: 1}},
		"not permitted":            {forbidden: true},
		"conflict with the replay": {err: unavailable, counts: ReplicaCounts{Repeated: 1}},
		"lacks what is asked for":  {err: webhook.NotFound("delivery", "dlv_1"), counts: ReplicaCounts{Repeated: 1}},
		"a fault of the caller":    {err: webhook.Invalid("invalid_filter", "q", "no"), answered: true, counts: ReplicaCounts{Replica: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var failed error
			s := &Store{replica: &replica{store: &Store{}, Replica: Replica{
				Permits:   func(ctx context.Context) bool { return webhook.ReplicaReadsOf(ctx).Permitted() },
				Staleness: func() (time.Duration, error) { return c.staleness, nil },
				Failed:    func(err error) { failed = err },
			}}}
			ctx := t.Context()
			if !c.forbidden {
				ctx = webhook.PermitReplica(ctx)
			}
			read := func(ctx context.Context, r *Store) (string, error) {
				require.Same(t, s.replica.store, r)
				return "from the replica", c.err
			}
			_, answered, err := onReplica(ctx, s, read)
			assert.Equal(t, c.answered, answered)
			assert.Equal(t, c.counts, s.ReplicaCounts())
			if c.answered {
				assert.Equal(t, c.err, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, webhook.CodeOf(c.err) == webhook.CodeUnavailable, failed != nil)
			_, again, _ := onReplica(ctx, s, read)
			assert.False(t, again, "the rest of the request is read from the primary")
		})
	}
}
