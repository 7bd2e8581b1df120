package main

import (
	"cmp"
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

// keyFlags are the flags of all keys commands.
type keyFlags struct {
	organization, name, scope string
	platform, descendants     bool
}

func parseKeyFlags(command string, args []string) (keyFlags, []string, error) {
	var f keyFlags
	flags := flag.NewFlagSet("keys "+command, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is reported once
	flags.StringVar(&f.organization, "organization", "", "the organization that the key belongs to")
	flags.StringVar(&f.name, "name", "", "what the key is for")
	flags.StringVar(&f.scope, "scope", string(webhook.ScopeRead), "read or read-write")
	flags.BoolVar(&f.platform, "platform", false, "create a platform key, which acts for every organization")
	flags.BoolVar(&f.descendants, "descendants", false, "revoke the keys too that were created by the key")
	err := flags.Parse(args)
	return f, flags.Args(), err
}

func keys(ctx context.Context, args, environ []string, stdout io.Writer) error {
	if len(args) == 0 {
		return invalid("keys needs one of create, list and revoke; try --help")
	}
	flags, rest, err := parseKeyFlags(args[0], args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp) || args[0] == "--help" || args[0] == "-h":
		_, err = fmt.Fprint(stdout, usage)
		return err
	case err != nil:
		return invalid("keys %s: %w; try --help", args[0], err)
	}
	switch {
	case args[0] == "create" && len(rest) == 0:
		spec, err := flags.spec()
		if err != nil {
			return invalid("keys create: %w", err)
		}
		return withKeys(ctx, environ, func(s *store.Store) error { return createKey(ctx, s, spec, stdout) })
	case args[0] == "list" && len(rest) == 0:
		if err := checkOptionalOrganization(flags.organization); err != nil {
			return invalid("keys list: %w", err)
		}
		return withKeys(ctx, environ, func(s *store.Store) error { return listKeys(ctx, s, flags.organization, stdout) })
	case args[0] == "revoke" && len(rest) == 1:
		if err := webhook.CheckID(webhook.KindAPIKey, rest[0]); err != nil {
			return invalid("keys revoke: %w", err)
		}
		return withKeys(ctx, environ, func(s *store.Store) error {
			return s.RevokeAPIKey(ctx, rest[0], flags.descendants, webhook.Now())
		})
	}
	return invalid("keys: the arguments do not fit; try --help")
}

// spec returns the checked spec of the key to create.
func (f keyFlags) spec() (webhook.APIKeySpec, error) {
	spec := webhook.APIKeySpec{OrganizationID: f.organization, Name: f.name, Scope: webhook.Scope(f.scope), CreatedBy: "command line"}
	if !f.platform {
		return spec, spec.Check(webhook.Now())
	}
	if spec.OrganizationID != "" {
		return spec, errors.New("a platform key belongs to no organization: leave out --organization")
	}
	spec.Scope = webhook.ScopePlatform
	return spec, spec.CheckPlatform(webhook.Now())
}

func checkOptionalOrganization(id string) error {
	if id == "" {
		return nil
	}
	return webhook.CheckOrganizationID(id)
}

// withKeys runs a command that needs the tables and no sealed values.
func withKeys(ctx context.Context, environ []string, do func(*store.Store) error) error {
	return withDatabase(environ, withTables(ctx, do))
}

// createKey creates a key, and its organization if that is missing. It prints only the raw key, so that a script can read it.
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
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, cmp.Or(key.OrganizationID, "(all)"), key.Name, key.Scope,
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
