package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"redrive/api-service/internal/organizations"
	"redrive/pkg/config"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func manageOrganizations(ctx context.Context, args, environ []string, stdout io.Writer) error {
	switch {
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
		_, err := fmt.Fprint(stdout, usage)
		return err
	case len(args) == 1 && args[0] == "list":
		return withKeys(ctx, environ, func(s *store.Store) error { return listOrganizations(ctx, s, stdout) })
	case len(args) == 2 && (args[0] == "delete" || args[0] == "restore"):
		id := args[1]
		if err := webhook.CheckOrganizationID(id); err != nil {
			return invalid("organizations %s: %w", args[0], err)
		}
		if args[0] == "delete" {
			return deleteOrganization(ctx, environ, id, stdout)
		}
		return restoreOrganization(ctx, environ, id, stdout)
	}
	return invalid("organizations needs list, delete ID or restore ID; try --help")
}

// organizationsPage is how many organizations one statement reads.
const organizationsPage = 1000

func listOrganizations(ctx context.Context, s *store.Store, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tNAME\tCREATED\tSTATE")
	err := eachOrganization(ctx, s, func(o webhook.Organization) {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", o.ID, o.Name, o.CreatedAt.Format(time.RFC3339), stateOfOrganization(o))
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

// organizationLister lists all organizations. store.Store implements it.
type organizationLister interface {
	ListOrganizations(ctx context.Context, prefix string, failing bool, page webhook.Page) (webhook.List[webhook.Organization], error)
}

// eachOrganization calls a function with each organization, also with deleted ones, page by page.
func eachOrganization(ctx context.Context, lister organizationLister, do func(webhook.Organization)) error {
	for page := (webhook.Page{Limit: organizationsPage}); ; {
		list, err := lister.ListOrganizations(ctx, "", false, page)
		if err != nil {
			return err
		}
		for _, o := range list.Items {
			do(o)
		}
		if !list.HasMore {
			return nil
		}
		page.After = list.Next
	}
}

func stateOfOrganization(o webhook.Organization) string {
	switch {
	case !o.Erasure.StartedAt.IsZero():
		return fmt.Sprintf("being erased, %d rows so far", o.Erasure.RowsErased)
	case o.Deleted():
		return "deleted, can be restored until " + o.EraseAfter.Format(time.RFC3339)
	}
	return "active"
}

func deleteOrganization(ctx context.Context, environ []string, id string, stdout io.Writer) error {
	settings, err := config.LoadOrganizations(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	return withStore(settings.Database, nil, withTables(ctx, func(s *store.Store) error {
		deleted, err := organizations.New(s, organizations.Options{ErasureDelay: settings.Delay}).Delete(ctx, id)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "deleted; `organizations restore %s` restores it until %s\n", id, deleted.EraseAfter.Format(time.RFC3339))
		return err
	}))
}
