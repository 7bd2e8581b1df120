package operations

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// The sizes of lists.
const (
	mostOrganizations = 20
	mostFailing       = 50
	mostJobs          = 50
	mostCircuits      = 200
	// disabledFor is how long a disabled endpoint is listed.
	disabledFor = 7 * 24 * time.Hour
)

// read reads all parts in parallel.
func (o *Operations) read(ctx context.Context) Overview {
	now := webhook.Now()
	v := Overview{At: now}
	var summaries []queue.NamedSummary
	var probed []probed
	var loadErr, failingErr, jobErr error
	var parts sync.WaitGroup
	part := func(read func(ctx context.Context)) {
		parts.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, partTimeout)
			defer cancel()
			read(ctx)
		})
	}
	part(func(ctx context.Context) { probed = o.probe(ctx) })
	part(func(ctx context.Context) { v.Minutes = o.readMinutes(ctx, now) })
	part(func(ctx context.Context) { summaries, v.RedisErr = o.summaries.ReadSummaries(ctx) })
	part(func(ctx context.Context) {
		v.Organizations, v.MoreOrganizations, loadErr = o.store.ListLoads(ctx, now, mostOrganizations)
	})
	part(func(ctx context.Context) {
		v.Failing, v.MoreFailing, failingErr = o.store.ListFailingEndpoints(ctx, now.Add(-disabledFor), mostFailing)
	})
	part(func(ctx context.Context) { v.Jobs, v.MoreJobs, jobErr = o.store.ListRunningJobs(ctx, mostJobs) })
	parts.Wait()

	v.Checks = checks(probed, summaries, v.RedisErr)
	v.Dispatchers = dispatchers(summaries)
	v.Circuits, v.CircuitsOmitted = circuits(summaries)
	if v.StoreErr = first(loadErr, failingErr, jobErr); v.StoreErr != nil {
		return v
	}
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	v.StoreErr = o.addNames(ctx, &v)
	return v
}

// first returns the first error. Reads of one store fail for one reason in most cases.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Operations) readMinutes(ctx context.Context, now time.Time) Minutes {
	read, err := o.minutes.ReadMinutes(ctx, now)
	return Minutes{Since: read.Since, Counts: read.Counts, Err: err}
}

// addNames adds the names of endpoints and organizations to parts that have only their IDs.
func (o *Operations) addNames(ctx context.Context, v *Overview) error {
	if len(v.Circuits) > 0 {
		ids := make([]string, len(v.Circuits))
		for i, c := range v.Circuits {
			ids[i] = c.EndpointID
		}
		found, err := o.store.FindEndpointNames(ctx, ids)
		if err != nil {
			return err
		}
		for i := range v.Circuits {
			c := &v.Circuits[i]
			c.EndpointName, c.OrganizationID = found[c.EndpointID].Name, found[c.EndpointID].OrganizationID
		}
	}
	var organizations []string
	for _, c := range v.Circuits {
		if c.OrganizationID != "" {
			organizations = append(organizations, c.OrganizationID)
		}
	}
	for _, j := range v.Jobs {
		organizations = append(organizations, j.OrganizationID)
	}
	if len(organizations) == 0 {
		return nil
	}
	names, err := o.store.FindOrganizationNames(ctx, organizations)
	v.Names = names
	return err
}
