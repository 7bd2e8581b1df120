package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

// bulkStore is the part of the database that the bulk command uses. store.Store implements it.
type bulkStore interface {
	bulkOwners
	bulkJobs
}

// bulkOwners finds the organizations for which jobs are started.
type bulkOwners interface {
	organizationLister
	FindOrganization(ctx context.Context, id string) (webhook.Organization, error)
	FindOwner(ctx context.Context, id string) (*webhook.Resource, error)
	FindEndpointEver(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
}

// bulkJobs plans, creates, reads and cancels the bulk jobs of an organization.
type bulkJobs interface {
	PlanBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkPlan, error)
	CreateBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkJob, error)
	FindBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error)
	CancelBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error)
}

// bulkCommand starts one job for each organization with deliveries that match, and waits for the jobs.
type bulkCommand struct {
	store  bulkStore
	flags  bulkFlags
	spec   webhook.BulkSpec
	output *bulkOutput
}

// bulkPlanned is what a job of one organization would do.
type bulkPlanned struct {
	webhook.BulkPlan
	spec webhook.BulkSpec
}

// run plans for all organizations before it creates the first job, so that an error up to there has changed nothing.
func (c bulkCommand) run(ctx context.Context) error {
	planned, err := c.planAll(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w; no job was started", err)
	case c.flags.plan:
		return c.output.plans(planned)
	case len(planned) == 0:
		return c.output.nothing()
	}
	jobs, err := c.start(ctx, planned)
	w := bulkWatch{store: c.store, jobs: jobs, output: c.output, cancelOnInterrupt: c.flags.cancelOnInterrupt}
	return errors.Join(err, w.run(ctx))
}

// planAll returns the plans that have at least one delivery.
func (c bulkCommand) planAll(ctx context.Context) (planned []bulkPlanned, err error) {
	organizations, err := c.organizations(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range organizations {
		spec := c.spec
		spec.OrganizationID = id
		plan, err := c.store.PlanBulkJob(ctx, spec)
		if err != nil {
			return nil, fmt.Errorf("organization %s: %w", id, err)
		}
		if plan.Total > 0 {
			planned = append(planned, bulkPlanned{plan, spec})
		}
	}
	return planned, nil
}

// organizations returns the IDs of the organizations that may have deliveries that match. Deleted ones are left out, since jobs make no
// steps for them.
func (c bulkCommand) organizations(ctx context.Context) ([]string, error) {
	switch {
	case c.flags.organization != "":
		return c.organization(ctx, c.flags.organization)
	case c.flags.endpoint != "":
		owner, err := c.store.FindOwner(ctx, c.flags.endpoint)
		if err == nil && owner == nil {
			err = fmt.Errorf("there is no endpoint %s", c.flags.endpoint)
		}
		if err != nil {
			return nil, err
		}
		return c.organization(ctx, owner.OrganizationID)
	}
	return c.activeOrganizations(ctx)
}

// organization returns the ID of one organization if a job can run for it.
func (c bulkCommand) organization(ctx context.Context, id string) ([]string, error) {
	organization, err := c.store.FindOrganization(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case organization.Deleted():
		return nil, fmt.Errorf("organization %s is deleted: restore it first", id)
	case c.flags.endpoint != "":
		_, err = c.store.FindEndpointEver(ctx, id, c.flags.endpoint)
	}
	return []string{id}, err
}

func (c bulkCommand) activeOrganizations(ctx context.Context) (ids []string, err error) {
	err = eachOrganization(ctx, c.store, func(o webhook.Organization) {
		if !o.Deleted() {
			ids = append(ids, o.ID)
		}
	})
	return ids, err
}

// bulkCallTimeout bounds a call that continues after an interrupt.
const bulkCallTimeout = 10 * time.Second

// start creates the jobs. A refused one does not stop the others. After an interrupt it creates no more. A creation in
// progress is completed, so that the command has the ID of every running job.
func (c bulkCommand) start(ctx context.Context, planned []bulkPlanned) (jobs []webhook.BulkJob, refused error) {
	for _, p := range planned {
		if ctx.Err() != nil {
			break
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), bulkCallTimeout)
		job, err := c.store.CreateBulkJob(limited, p.spec)
		cancel()
		if err != nil {
			refused = errors.Join(refused, fmt.Errorf("no job for organization %s: %w", p.spec.OrganizationID, err))
			continue
		}
		job.Total = p.Total // what the progress shows until the job has counted
		jobs = append(jobs, job)
		c.output.started(job, p)
	}
	return jobs, refused
}
