package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"redrive/deploy/bench/report"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	detailDeliveriesGone = "until its deliveries are gone"
	// erasurePatience is longer than an erasure of this size needs.
	erasurePatience = 10 * time.Minute
)

// roundErase deletes an organization with many deliveries while events are published to another one.
func roundErase(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	v := running.(*services)
	organization, err := v.organizationWithPast(ctx, s, s.amounts.erased)
	if err != nil {
		return err
	}
	h, err := newHealthy(ctx, s)
	if err != nil {
		return err
	}
	defer h.close()
	s.progress.say("%s: live deliveries alone, %d/s for %s", rowErase, neighbourRate, s.amounts.alone)
	alone, err := h.measure(ctx, s.amounts.alone)
	if err != nil {
		return err
	}
	platform, err := v.platform(ctx)
	if err != nil {
		return err
	}
	defer platform.close()
	s.progress.say("%s: deleting an organization with %d deliveries", rowErase, s.amounts.erased)
	var deliveries time.Duration
	began := time.Now()
	beside, err := h.measureAround(ctx, &alone, neighbourRate, s.amounts.alone, func(ctx context.Context) error {
		if err := platform.call(ctx, http.MethodDelete, "/organizations/"+organization+"?confirm="+organization, nil, nil); err != nil {
			return err
		}
		err := v.nothingLeft(ctx, organization, "deliveries", "attempts", "events")
		deliveries = time.Since(began)
		return err
	})
	if err != nil {
		return err
	}
	if err := v.nothingLeft(ctx, organization); err != nil {
		return err
	}
	s.samples.Add(rowErase, time.Since(began).Seconds())
	s.samples.Add(report.Detail(rowErase, detailDeliveriesGone), deliveries.Seconds())
	s.addLive(rowErase, alone, beside, aloneFactor*alone.p99())
	return running.clear(ctx)
}

// organizationWithPast makes an organization with deliveries that have ended, each with its event and its attempt.
func (v *services) organizationWithPast(ctx context.Context, s *session, count int) (organization string, err error) {
	c, err := s.customer(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	r, err := s.servers.receiver()
	if err != nil {
		return "", err
	}
	endpoint, ids, err := failed(ctx, s, c, r, 1)
	if err != nil {
		return "", err
	}
	s.progress.say("%s: filling in %d deliveries", rowErase, count)
	f := filling{database: v.database, deliveryID: ids[0], count: count, endpoints: []string{endpoint}}
	return c.organization, f.run(ctx)
}

// platform returns a client with a platform key, for the routes about organizations.
func (v *services) platform(ctx context.Context) (*client, error) {
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{Name: "bench", Scope: webhook.ScopePlatform}, webhook.Now())
	if err := v.store().CreateAPIKey(ctx, key); err != nil {
		return nil, fmt.Errorf("make a platform key: %w", err)
	}
	c := newClient(v.url(), raw.Reveal(), 1)
	c.base = v.url() + "/v1"
	return c, nil
}

// nothingLeft waits until the given tables have no row of the organization. Without tables, it waits until no table has one and the
// organization itself is deleted.
func (v *services) nothingLeft(ctx context.Context, organization string, tables ...string) error {
	var parts []string
	if len(tables) == 0 {
		tables, _ = store.ErasedTables()
		parts = append(parts, "EXISTS (SELECT 1 FROM organizations WHERE id = $1)")
	}
	for _, table := range tables {
		parts = append(parts, "EXISTS (SELECT 1 FROM "+table+" WHERE organization_id = $1)")
	}
	look := "SELECT " + strings.Join(parts, " OR ")
	return until(ctx, "rows of the organization exist", erasurePatience, func(ctx context.Context) (bool, error) {
		var some bool
		err := v.database.pool.QueryRow(ctx, look, organization).Scan(&some)
		return !some, err
	})
}
