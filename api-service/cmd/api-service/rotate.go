package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"redrive/pkg/config"
	"redrive/pkg/keyring"
	"redrive/pkg/store"
)

const (
	resealBatch = 100
	// resealPasses bounds the passes while services still seal with an older key.
	resealPasses = 3
)

// rotateSecrets encrypts every value of an older key with the newest key. It can be interrupted and run again at any time.
func rotateSecrets(ctx context.Context, environ []string, stdout io.Writer) error {
	return withSealed(environ, withTables(ctx, func(s *store.Store) error {
		for range resealPasses {
			changed, err := resealAll(ctx, s, stdout)
			switch {
			case err != nil:
				return err
			case changed == 0:
				_, err := fmt.Fprintln(stdout, "everything is encrypted with the newest key: the older keys can be dropped from SECRETS_KEY")
				return err
			}
		}
		return errors.New("a service goes on encrypting with an older key: see that every one has the newest key first in SECRETS_KEY, and run the command again")
	}))
}

// resealAll reseals everything once. It returns how many values it changed.
func resealAll(ctx context.Context, s *store.Store, stdout io.Writer) (changed int, err error) {
	for _, kind := range []struct {
		name   string
		reseal reseal
	}{{"endpoints", s.ResealEndpoints}, {"recorded answers", s.ResealAnswers}} {
		pass, err := resealPass(ctx, kind.reseal)
		if pass.Seen > 0 || kind.name == "endpoints" {
			_, _ = fmt.Fprintf(stdout, "looked at %d %s: %d encrypted again with the newest key, %d left as they were\n",
				pass.Seen, kind.name, pass.Changed, pass.Seen-pass.Changed)
		}
		for _, id := range slices.Sorted(maps.Keys(pass.Unreadable)) {
			_, _ = fmt.Fprintf(stdout, "not readable: %v\n", pass.Unreadable[id])
		}
		if err != nil {
			return changed, fmt.Errorf("%w; what was done stays done: run the command again", err)
		}
		if len(pass.Unreadable) > 0 {
			return changed, fmt.Errorf("%d %s cannot be read with the keys in SECRETS_KEY: put their keys back behind the newest, and run the command again",
				len(pass.Unreadable), kind.name)
		}
		changed += pass.Changed
	}
	return changed, nil
}

// reseal encrypts up to limit values after a position with the newest key.
type reseal func(ctx context.Context, after string, limit int) (store.Resealed, error)

// resealPass reseals every value once. If it returns an error, the counts cover the values before it.
func resealPass(ctx context.Context, next reseal) (pass store.Resealed, err error) {
	pass.Unreadable = map[string]error{}
	for {
		batch, err := next(ctx, pass.Last, resealBatch)
		pass.Seen += batch.Seen
		pass.Changed += batch.Changed
		maps.Copy(pass.Unreadable, batch.Unreadable)
		pass.Last = batch.Last
		if err != nil || batch.Last == "" {
			return pass, err
		}
	}
}

// withSealed runs a command that needs the database and the keys of its sealed values.
func withSealed(environ []string, do func(*store.Store) error) error {
	settings, wrong := config.LoadSealed(config.Environ(environ))
	keys, invalidKey := keyring.Parse(settings.SecretsKey.Reveal())
	if settings.SecretsKey == "" {
		invalidKey = nil // config reports that it is missing
	}
	if invalidKey != nil {
		invalidKey = fmt.Errorf("SECRETS_KEY is not valid: %w", invalidKey)
	}
	if err := config.Problems(wrong, invalidKey); err != nil {
		return invalidError{err}
	}
	return withStore(settings.Database, keys, do)
}
