package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func keys(ctx context.Context, args, environ []string, stdout io.Writer) error {
	if len(args) == 0 {
		return invalid("keys needs one of create, list and revoke; try --help")
	}
	flags := flag.NewFlagSet("keys "+args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is reported once
	organization := flags.String("organization", "", "the organization that the key belongs to")
	name := flags.String("name", "", "what the key is for")
	scope := flags.String("scope", string(webhook.ScopeRead), "read or read-write")
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp) || args[0] == "--help" || args[0] == "-h":
		_, err = fmt.Fprint(stdout, usage)
		return err
	case err != nil:
		return invalid("keys %s: %w; try --help", args[0], err)
	}

	switch {
	case args[0] == "create" && flags.NArg() == 0:
		spec := webhook.APIKeySpec{OrganizationID: *organization, Name: *name, Scope: webhook.Scope(*scope), CreatedBy: "command line"}
		if err := spec.Check(webhook.Now()); err != nil {
			return invalid("keys create: %w", err)
		}
		return withKeys(ctx, environ, func(s *store.Store) error { return createKey(ctx, s, spec, stdout) })
	case args[0] == "list" && flags.NArg() == 0:
		if *organization != "" {
			if err := webhook.CheckOrganizationID(*organization); err != nil {
				return invalid("keys list: %w", err)
			}
		}
		return withKeys(ctx, environ, func(s *store.Store) error { return listKeys(ctx, s, *organization, stdout) })
	case args[0] == "revoke" && flags.NArg() == 1:
		id := flags.Arg(0)
		if err := webhook.CheckID(webhook.KindAPIKey, id); err != nil {
			return invalid("keys revoke: %w", err)
		}
		return withKeys(ctx, environ, func(s *store.Store) error { return s.RevokeAPIKey(ctx, id, webhook.Now()) })
	}
	return invalid("keys: the arguments do not fit; try --help")
}

// withKeys runs a command that needs the table of keys. It returns an error that says how to create the table if it is missing.
func withKeys(ctx context.Context, environ []string, do func(*store.Store) error) error {
	return withDatabase(environ, func(s *store.Store) error {
		if err := s.CheckSchema(ctx); err != nil {
			return err
		}
		return do(s)
	})
}

// createKey prints only the raw key, so that a script can read it.
func createKey(ctx context.Context, s *store.Store, spec webhook.APIKeySpec, stdout io.Writer) error {
	key, raw := webhook.NewAPIKey(spec, webhook.Now())
	if err := s.CreateAPIKey(ctx, key); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, raw.Reveal())
	return err
}

func listKeys(ctx context.Context, s *store.Store, organization string, stdout io.Writer) error {
	list, err := s.ListAPIKeys(ctx, organization)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tORGANIZATION\tNAME\tSCOPE\tBEGINS WITH\tCREATED\tSTATE")
	now := webhook.Now()
	for _, key := range list {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.OrganizationID, key.Name, key.Scope,
			key.KeyPrefix, key.CreatedAt.Format(time.RFC3339), stateOf(key, now))
	}
	return table.Flush()
}

func stateOf(key webhook.APIKey, now time.Time) string {
	switch {
	case !key.RevokedAt.IsZero():
		return "revoked"
	case !key.Valid(now):
		return "expired"
	}
	return "valid"
}
