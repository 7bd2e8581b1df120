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
	return withSealed(environ, func(s *store.Store) error {
		if err := s.CheckSchema(ctx); err != nil {
			return err
		}
		for range resealPasses {
			pass, err := resealPass(ctx, s)
			_, _ = fmt.Fprintf(stdout, "looked at %d endpoints: %d encrypted again with the newest key, %d left as they were\n",
				pass.Seen, pass.Changed, pass.Seen-pass.Changed)
			for _, id := range slices.Sorted(maps.Keys(pass.Unreadable)) {
				_, _ = fmt.Fprintf(stdout, "not readable: %v\n", pass.Unreadable[id])
			}
			switch {
			case err != nil:
				return fmt.Errorf("%w; what was done stays done: run the command again", err)
			case len(pass.Unreadable) > 0:
				return fmt.Errorf("%d endpoints cannot be read with the keys in SECRETS_KEY: put their keys back behind the newest, and run the command again", len(pass.Unreadable))
			case pass.Changed == 0:
				_, err := fmt.Fprintln(stdout, "everything is encrypted with the newest key: the older keys can be dropped from SECRETS_KEY")
				return err
			}
		}
		return errors.New("a service goes on encrypting with an older key: see that every one has the newest key first in SECRETS_KEY, and run the command again")
	})
}

// resealPass reseals every endpoint once. If it returns an error, the counts cover the endpoints before it.
func resealPass(ctx context.Context, s *store.Store) (pass store.Resealed, err error) {
	pass.Unreadable = map[string]error{}
	for {
		batch, err := s.ResealEndpoints(ctx, pass.Last, resealBatch)
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
