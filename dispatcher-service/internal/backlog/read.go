package backlog

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// countTasks reads the queue.
func (b *Backlog) countTasks(ctx context.Context) []prometheus.Metric {
	depths, err := b.queue.Depths(ctx, webhook.QueueDeliveries)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	waited, err := b.queue.OldestPending(ctx, webhook.QueueDeliveries)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	d := b.descriptions
	return []prometheus.Metric{
		gauge(d.tasks, float64(depths.Pending), "pending"), gauge(d.tasks, float64(depths.Active), "active"),
		gauge(d.tasks, float64(depths.Scheduled), "scheduled"), gauge(d.tasks, float64(depths.Retry), "retry"),
		gauge(d.tasks, float64(depths.Archived), "archived"), gauge(d.pending, waited.Seconds()),
	}
}

// countLanes reads the lanes in backlog and the shares.
func (b *Backlog) countLanes(ctx context.Context) []prometheus.Metric {
	lanes, err := b.lanes.List(ctx)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	shares, err := b.lanes.Shares(ctx)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	counts, organizations := map[webhook.Priority]int{}, map[string]struct{}{}
	for lane := range lanes {
		counts[lane.Priority]++
		organizations[lane.OrganizationID] = struct{}{}
	}
	d := b.descriptions
	return []prometheus.Metric{
		gauge(d.lanes, float64(counts[webhook.PriorityHead]), "head"), gauge(d.lanes, float64(counts[webhook.PriorityLive]), "live"),
		gauge(d.lanes, float64(counts[webhook.PriorityBulk]), "bulk"), gauge(d.organizations, float64(len(organizations))),
		gauge(d.shares, float64(shares.Number)), gauge(d.largestShare, float64(shares.Largest)),
	}
}

// findOldest reads the delivery that has been due for longest. Deliveries of bulk jobs do not count: they go after live ones, and wait
// as long as that takes.
func (b *Backlog) findOldest(ctx context.Context) []prometheus.Metric {
	now := webhook.Now()
	due, err := b.store.ListDue(ctx, now, store.Due{}, 1)
	if err != nil {
		b.ofData.Inc()
		return nil
	}
	var age time.Duration
	if len(due) > 0 && due[0].Lane.Priority == webhook.PriorityBulk {
		due, err = b.oldestOfLanes(ctx, now)
	}
	if err != nil {
		b.ofData.Inc()
		return nil
	}
	if len(due) > 0 {
		age = now.Sub(due[0].NextRetryAt)
	}
	return []prometheus.Metric{gauge(b.descriptions.oldest, max(0, age.Seconds()))}
}

// oldestOfLanes returns the delivery that has been due for longest and is not of a bulk job, if there is one. It looks at one entry of each
// lane's index.
func (b *Backlog) oldestOfLanes(ctx context.Context, now time.Time) ([]store.Due, error) {
	lanes, err := b.store.ListLanes(ctx, webhook.Lane{}, lanesLimit)
	if err != nil {
		return nil, err
	}
	var cursors []store.LaneCursor
	for _, lane := range lanes {
		if lane.Priority != webhook.PriorityBulk {
			cursors = append(cursors, store.LaneCursor{Lane: lane})
		}
	}
	firsts, err := b.store.ReadLanes(ctx, cursors, 1)
	if err != nil {
		return nil, err
	}
	var oldest []store.Due
	for _, first := range firsts {
		if len(first) > 0 && !first[0].NextRetryAt.After(now) && (oldest == nil || first[0].NextRetryAt.Before(oldest[0].NextRetryAt)) {
			oldest = first
		}
	}
	return oldest, nil
}

// countWaiting counts the deliveries that wait.
func (b *Backlog) countWaiting(ctx context.Context) []prometheus.Metric {
	counted, err := b.store.CountWaiting(ctx, webhook.Now(), countLimit)
	if err != nil {
		b.ofData.Inc()
		return nil
	}
	return []prometheus.Metric{
		gauge(b.descriptions.waiting, float64(counted.Pending), string(webhook.StatusPending)),
		gauge(b.descriptions.waiting, float64(counted.Retrying), string(webhook.StatusRetrying)),
	}
}

// countUnhealthy counts the endpoints that are failing or disabled.
func (b *Backlog) countUnhealthy(ctx context.Context) []prometheus.Metric {
	counted, err := b.store.CountUnhealthy(ctx)
	if err != nil {
		b.ofData.Inc()
		return nil
	}
	metrics := []prometheus.Metric{gauge(b.descriptions.failing, float64(counted.Failing))}
	for _, reason := range []webhook.DisabledReason{webhook.DisabledManually, webhook.DisabledGone, webhook.DisabledFailing} {
		metrics = append(metrics, gauge(b.descriptions.disabled, float64(counted.Disabled[reason]), string(reason)))
	}
	return metrics
}
