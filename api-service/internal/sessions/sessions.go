// Package sessions begins and ends the sessions of the console, and finds the session of a request.
//
//	CreateLink ──► link ──Open──► live ──► ended (End, EndOwn), expired, or its key revoked
//	StartWithKey, StartAsOperator ──► live ──► …
//
// A link and a session each have a token of 32 random bytes. Only its hash is stored, so that read access to the database gives no session.
// A session is bound to the API key that made it, directly or by a link: it never has more rights than the key, and it ends with the key.
package sessions

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"redrive/api-service/internal/cache"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store is the part of the database that this package uses.
type Store interface {
	CreateConsoleSession(ctx context.Context, session webhook.ConsoleSession) error
	OpenConsoleSession(ctx context.Context, linkHash, tokenHash [sha256.Size]byte, now time.Time) (webhook.ConsoleSession, error)
	FindConsoleSession(ctx context.Context, tokenHash [sha256.Size]byte, now time.Time) (store.FoundConsoleSession, error)
	EndConsoleSession(ctx context.Context, organizationID, id string, now time.Time) (webhook.ConsoleSession, error)
	SetConsoleSessionActsFor(ctx context.Context, id, organizationID string) error
}

// Options configure a Registry.
type Options struct {
	// PublicURL is the URL of the service as browsers see it, without a slash at its end. Links begin with it. Without it there are no links.
	PublicURL string
	// NoLinks says that the installation has no console for customers, so that there are no links.
	NoLinks bool
	// Timeout bounds the look for the session of a request in the database. Defaults to 5 s.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// cachedFor is how long a session that was found is used. A session that another process has ended, or whose key was revoked, ends within
// this time and the time of one look, which is less than the second that the contract allows.
const cachedFor = 500 * time.Millisecond

// Registry begins, finds and ends sessions. It is safe for concurrent use.
type Registry struct {
	store   Store
	options Options
	found   *cache.Cache[[sha256.Size]byte, store.FoundConsoleSession]
	recent  recent
}

// New makes a Registry.
func New(database Store, o Options) *Registry {
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	return &Registry{database, o, cache.NewLasting[[sha256.Size]byte, store.FoundConsoleSession](cachedFor), newRecent()}
}

// Found is the session of a request.
type Found struct {
	Session webhook.ConsoleSession
	// Organization is the session's organization, with its limits. It is zero for a session of the operator.
	Organization webhook.Organization
}

// ErrNoSession refuses a token without a live session. It does not distinguish unknown, ended and expired sessions.
var ErrNoSession = &webhook.Error{
	Code:    webhook.CodeUnauthenticated,
	Message: "there is no session; log in to the console, or open a new link",
	Details: []webhook.Detail{{Reason: "unauthenticated", Message: "the session may have ended or expired, or its API key may have been revoked"}},
}

// Find returns the live session of a token. It returns ErrNoSession if there is none, and an error with the code unavailable if the database
// could not be read. The answer may be cachedFor old, but the expiry of a session is exact.
func (r *Registry) Find(ctx context.Context, token string) (Found, error) {
	if !webhook.CheckConsoleToken(token) {
		return Found{}, ErrNoSession
	}
	hash := webhook.HashConsoleToken(webhook.Secret(token))
	found, err := r.found.Get(ctx, hash, func(ctx context.Context) (store.FoundConsoleSession, error) { return r.look(ctx, hash) })
	now := webhook.Now()
	if unavailable(err) {
		if session, ok := r.recent.get(hash, now); ok {
			return Found{Session: session}, nil
		}
	}
	switch {
	case err != nil:
		return Found{}, err
	case !found.Valid(now):
		r.recent.remove(hash)
		return Found{}, ErrNoSession
	}
	r.recent.add(hash, found.Session, now)
	return Found{found.Session, found.Organization}, nil
}

// unavailable reports whether the database could not be read, or took too long.
func unavailable(err error) bool {
	return err != nil && (webhook.CodeOf(err) == webhook.CodeUnavailable || errors.Is(err, context.DeadlineExceeded))
}

// look reads a session. An unknown token has a session that is not valid, which is cached too.
func (r *Registry) look(ctx context.Context, hash [sha256.Size]byte) (store.FoundConsoleSession, error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	found, err := r.store.FindConsoleSession(ctx, hash, webhook.Now())
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return store.FoundConsoleSession{}, nil
	}
	return found, err
}

// End ends a session of the organization and returns it. A session that has ended or expired is returned as it is.
func (r *Registry) End(ctx context.Context, organizationID, id string) (webhook.ConsoleSession, error) {
	ended, err := r.store.EndConsoleSession(ctx, organizationID, id, webhook.Now())
	if err != nil {
		return webhook.ConsoleSession{}, err
	}
	r.found.Invalidate(ended.TokenHash)
	r.recent.remove(ended.TokenHash)
	return ended, nil
}

// EndOwn ends the session of the request, for a logout.
func (r *Registry) EndOwn(ctx context.Context, session webhook.ConsoleSession) error {
	_, err := r.End(ctx, session.OrganizationID, session.ID)
	return err
}

// Act lets a session of the operator write in one organization, or in none if organizationID is empty. Other sessions get an error with the
// code forbidden.
func (r *Registry) Act(ctx context.Context, session webhook.ConsoleSession, organizationID string) error {
	if !session.Operator() {
		return forbidden("operator_required", "only the operator can choose the organization to write in")
	}
	if organizationID != "" {
		if err := webhook.CheckOrganizationID(organizationID); err != nil {
			return err
		}
	}
	defer r.found.Invalidate(session.TokenHash) // after an error too, because the commit may have succeeded
	return r.store.SetConsoleSessionActsFor(ctx, session.ID, organizationID)
}

func forbidden(reason, message string) error {
	return &webhook.Error{Code: webhook.CodeForbidden, Message: message, Details: []webhook.Detail{{Reason: reason, Message: message}}}
}
