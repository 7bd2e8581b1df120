package sessions

import (
	"context"
	"strings"

	"redrive/pkg/webhook"
)

// linkPath is the page that opens a link.
const linkPath = webhook.ConsoleRoot + "/link?token="

// errPublicURLMissing refuses a link that could not lead anywhere. The Host header of the request is no substitute: the caller of the API
// may use another name than browsers, and could choose any.
var errPublicURLMissing = webhook.Invalid("public_url_missing", "",
	"links to the console need the public URL of the service; the operator sets it with PUBLIC_URL")

// errNoLinks refuses a link that no page would open.
var errNoLinks = webhook.Invalid("console_unavailable", "",
	"this installation has no console for customers; the operator opens it with CONSOLE=all")

// CreateLink creates a session by link in the organization of the calling key, and returns it with the URL that opens it. The organization,
// the key and the author of the spec are those of the caller. The caller is an API key, or the operator after a login by password. A session
// by link may not create links, because they could outlive it.
func (r *Registry) CreateLink(ctx context.Context, by webhook.APIKey, spec webhook.ConsoleSessionSpec) (webhook.ConsoleSession, string, error) {
	spec.OrganizationID, spec.CreatedBy, spec.APIKeyID = by.OrganizationID, by.ID, by.ID
	if by.ID == webhook.ByOperator {
		spec.APIKeyID = ""
	}
	if err := checkGrant(by, spec); err != nil {
		return webhook.ConsoleSession{}, "", err
	}
	if err := spec.Check(); err != nil {
		return webhook.ConsoleSession{}, "", err
	}
	if r.options.NoLinks {
		return webhook.ConsoleSession{}, "", errNoLinks
	}
	if r.options.PublicURL == "" {
		return webhook.ConsoleSession{}, "", errPublicURLMissing
	}
	session := webhook.NewConsoleLink(spec, webhook.Now())
	if err := r.store.CreateConsoleSession(ctx, session); err != nil {
		return webhook.ConsoleSession{}, "", err
	}
	return session, r.URL(session), nil
}

// URL returns the URL that opens a session that was just created by CreateLink. It contains the link's token.
func (r *Registry) URL(session webhook.ConsoleSession) string {
	return r.options.PublicURL + linkPath + session.Link.Reveal()
}

// checkGrant returns an error if the caller may not create the session.
func checkGrant(by webhook.APIKey, spec webhook.ConsoleSessionSpec) error {
	if strings.HasPrefix(by.ID, string(webhook.KindConsoleSession)+"_") {
		return forbidden("api_key_required", "a console session that a link opened cannot make links; use an API key")
	}
	if by.Scope == webhook.ScopeRead && spec.Scope != webhook.ScopeRead {
		return forbidden("wider_scope", "an API key cannot make a console session that may do more than itself")
	}
	return nil
}

// Open opens the session of a link's token, once, and returns it with its own token. It returns webhook.ErrLinkUnknown,
// webhook.ErrLinkUsed or webhook.ErrLinkExpired if the link does not open.
func (r *Registry) Open(ctx context.Context, linkToken string) (webhook.ConsoleSession, string, error) {
	if !webhook.CheckConsoleToken(linkToken) {
		return webhook.ConsoleSession{}, "", webhook.ErrLinkUnknown
	}
	token := webhook.NewConsoleToken()
	session, err := r.store.OpenConsoleSession(ctx, webhook.HashConsoleToken(webhook.Secret(linkToken)), webhook.HashConsoleToken(token), webhook.Now())
	if err != nil {
		return webhook.ConsoleSession{}, "", err
	}
	return session, token.Reveal(), nil
}

// StartWithKey starts a session of an authenticated API key, with its scope, and returns it with its token. The session of a platform key is
// the operator's.
func (r *Registry) StartWithKey(ctx context.Context, identity webhook.Identity) (webhook.ConsoleSession, string, error) {
	session, token := webhook.NewConsoleLogin(identity.Key, webhook.Now())
	return r.start(ctx, session, token)
}

// StartAsOperator starts a session of the operator, whose password was checked, and returns it with its token.
func (r *Registry) StartAsOperator(ctx context.Context) (webhook.ConsoleSession, string, error) {
	session, token := webhook.NewOperatorLogin(webhook.Now())
	return r.start(ctx, session, token)
}

// start stores a session that begins at once.
func (r *Registry) start(ctx context.Context, session webhook.ConsoleSession, token webhook.Secret) (webhook.ConsoleSession, string, error) {
	if err := r.store.CreateConsoleSession(ctx, session); err != nil {
		return webhook.ConsoleSession{}, "", err
	}
	return session, token.Reveal(), nil
}
