package retention

import (
	"context"

	"redrive/pkg/webhook"
)

// kindSession is the kind of a console session in the metric.
const kindSession = "console_session"

// purgeSessions deletes console sessions that ended or expired long ago.
func (p *Purger) purgeSessions(ctx context.Context) error {
	before := webhook.Now().Add(-webhook.ConsoleSessionsKept)
	return p.records(ctx, kindSession, batch, func(ctx context.Context) (int64, error) {
		return p.store.PurgeConsoleSessions(ctx, before, batch)
	})
}
