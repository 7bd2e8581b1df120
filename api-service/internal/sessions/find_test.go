package sessions_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/sessions"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// fake is a database with one session. It counts how often it was asked.
type fake struct {
	sessions.Store
	found store.FoundConsoleSession
	err   error
	asked int
	hangs bool
}

func newFake() (*fake, string) {
	session, token := webhook.NewOperatorLogin(webhook.Now())
	return &fake{found: store.FoundConsoleSession{Session: session, KeyValid: true}}, token.Reveal()
}

func (f *fake) FindConsoleSession(ctx context.Context, hash [sha256.Size]byte, _ time.Time) (store.FoundConsoleSession, error) {
	f.asked++
	if f.hangs {
		<-ctx.Done()
		return store.FoundConsoleSession{}, ctx.Err()
	}
	if f.err == nil && hash != f.found.Session.TokenHash {
		return store.FoundConsoleSession{}, webhook.NotFound("console session", "")
	}
	return f.found, f.err
}

// What another process has changed is seen within a second.
func TestFindEndedElsewhereWithinASecond(t *testing.T) {
	for name, spoil := range map[string]func(*fake){
		"ended":                func(f *fake) { f.found.Session.EndedAt = webhook.Now() },
		"key revoked":          func(f *fake) { f.found.KeyValid = false },
		"organization deleted": func(f *fake) { f.found.Organization.DeletedAt = webhook.Now() },
		"erased":               func(f *fake) { f.found = store.FoundConsoleSession{} },
	} {
		synctest.Test(t, func(t *testing.T) {
			f, token := newFake()
			r := sessions.New(f, sessions.Options{})
			for range 100 {
				_, err := r.Find(t.Context(), token)
				require.NoError(t, err)
			}
			assert.Equal(t, 1, f.asked, "it is cached")
			spoil(f)
			time.Sleep(500 * time.Millisecond)
			_, err := r.Find(t.Context(), token)
			assert.ErrorIs(t, err, sessions.ErrNoSession, name)
		})
	}
}

func TestFindExpiryIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, token := newFake()
		r := sessions.New(f, sessions.Options{})
		time.Sleep(webhook.LoginLifetime - time.Microsecond)
		_, err := r.Find(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(time.Microsecond)
		_, err = r.Find(t.Context(), token)
		require.ErrorIs(t, err, sessions.ErrNoSession)
		assert.Equal(t, 1, f.asked)
	})
}

func TestFindUnknownTokenLookedUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newFake()
		r := sessions.New(f, sessions.Options{})
		unknown := webhook.NewConsoleToken().Reveal()
		for range 100 {
			_, err := r.Find(t.Context(), unknown)
			require.ErrorIs(t, err, sessions.ErrNoSession)
		}
		assert.Equal(t, 1, f.asked)
		for _, noise := range []string{"", "x", unknown + "A", unknown[:42]} {
			_, err := r.Find(t.Context(), noise)
			require.ErrorIs(t, err, sessions.ErrNoSession)
		}
		assert.Equal(t, 1, f.asked, "what has not the form of a token is not looked up")
	})
}

// A database that cannot be read ends no session, and its error is not cached.
func TestFindDatabaseUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, token := newFake()
		r := sessions.New(f, sessions.Options{Timeout: time.Second})
		f.err = webhook.Unavailable(time.Second, errors.New("connection refused"))
		_, err := r.Find(t.Context(), token)
		require.ErrorIs(t, err, f.err)
		f.err, f.hangs = nil, true
		begin := time.Now()
		_, err = r.Find(t.Context(), token)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begin))
		f.hangs = false
		_, err = r.Find(t.Context(), token)
		require.NoError(t, err)
	})
}
