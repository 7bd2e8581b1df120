package login

import (
	"context"
	"embed"
	"net/http"
	"path"
	"strings"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

var (
	signInPage = web.Parse(files, "login.html")
	linkPage   = web.Parse(files, "link.html")
	endedPage  = web.Parse(files, "ended.html")
)

// Sessions begins and ends sessions.
type Sessions interface {
	Open(ctx context.Context, linkToken string) (webhook.ConsoleSession, string, error)
	StartWithKey(ctx context.Context, identity webhook.Identity) (webhook.ConsoleSession, string, error)
	StartAsOperator(ctx context.Context) (webhook.ConsoleSession, string, error)
	EndOwn(ctx context.Context, session webhook.ConsoleSession) error
	Act(ctx context.Context, session webhook.ConsoleSession, organizationID string) error
}

// Gate checks credentials.
type Gate interface {
	// Authenticate finds the API key. The error has the code unauthenticated if it is not valid.
	Authenticate(ctx context.Context, rawKey string) (webhook.Identity, error)
	// WrongCredentials counts a wrong key, password or link against the limit of the address that the request came from. It returns an
	// error beyond the limit.
	WrongCredentials(r *http.Request) error
	// Audit logs who began or ended a session, or began to act for an organization, or was refused.
	Audit(r *http.Request, actor, action, subject, organizationID string)
}

// Password reports whether the text is the operator's password. Without a password it is never.
type Password func(text string) bool

// pages begin and end sessions.
type pages struct {
	sessions Sessions
	gate     Gate
	password Password
}

// Routes returns the pages of sessions.
func Routes(sessions Sessions, gate Gate, password Password) []web.Route {
	p := pages{sessions, gate, password}
	return []web.Route{
		{Method: http.MethodGet, Path: "/login", For: web.Anybody, Handle: p.show},
		{Method: http.MethodPost, Path: "/login", For: web.Anybody, Handle: p.signIn},
		{Method: http.MethodPost, Path: "/logout", For: web.Anybody, Handle: p.signOut},
		{Method: http.MethodGet, Path: "/ended", For: web.Anybody, Framed: true, Handle: p.ended},
		{Method: http.MethodGet, Path: "/link", For: web.Anybody, Framed: true, Handle: p.link},
		{Method: http.MethodPost, Path: "/link", For: web.Anybody, Framed: true, Handle: p.open},
		{Method: http.MethodPost, Path: "/o/{organization}/act", For: web.OperatorsOf, Handle: p.act},
	}
}

type signInView struct {
	// Next is the page that was asked for.
	Next string
	// Wrong says what was not accepted.
	Wrong string
	// ReturnURL leads a customer back to the platform.
	ReturnURL string
}

func (p pages) show(q *web.Request) error {
	next := nextOf(q.Query("next"))
	if q.Session.Known() {
		return q.Redirect(q.Site.Prefix() + next)
	}
	return q.Show(signInPage, "Sign in", signInView{Next: next, ReturnURL: q.Site.ReturnTo(next)})
}

// signIn begins a session with an API key or the operator's password.
func (p pages) signIn(q *web.Request) error {
	next := nextOf(q.Form("next"))
	session, token, err := p.begin(q)
	if webhook.CodeOf(err) == webhook.CodeUnauthenticated {
		if limited := p.gate.WrongCredentials(q.R); limited != nil {
			return web.Refuse(http.StatusTooManyRequests, "Too many wrong keys or passwords", "Wait half a minute and try again.")
		}
		p.gate.Audit(q.R, "", "console.sign_in_refused", "", "")
		view := signInView{Next: next, Wrong: wrongText(q), ReturnURL: q.Site.ReturnTo(next)}
		return q.Render(http.StatusUnauthorized, signInPage, "Sign in", view)
	}
	if err != nil {
		return err
	}
	p.gate.Audit(q.R, session.Actor(), "console.signed_in", session.ID, session.OrganizationID)
	q.SetSession(session, token)
	if next == web.Root {
		return q.Redirect(q.Home())
	}
	return q.Redirect(q.Site.Prefix() + next)
}

func (p pages) begin(q *web.Request) (web.Session, string, error) {
	if password := q.R.PostForm.Get("password"); password != "" {
		if !p.password(password) {
			return web.Session{}, "", errWrong
		}
		session, token, err := p.sessions.StartAsOperator(q.Context())
		return web.Session{ConsoleSession: session}, token, err
	}
	identity, err := p.gate.Authenticate(q.Context(), q.Form("key"))
	if err != nil {
		return web.Session{}, "", err
	}
	if q.Site.OperatorOnly && !identity.Key.Platform() {
		return web.Session{}, "", errWrong
	}
	session, token, err := p.sessions.StartWithKey(q.Context(), identity)
	return web.Session{ConsoleSession: session, Organization: identity.Organization}, token, err
}

var errWrong = &webhook.Error{Code: webhook.CodeUnauthenticated, Message: "the key or password is not accepted"}

func wrongText(q *web.Request) string {
	switch {
	case q.R.PostForm.Get("password") != "":
		return "The password is wrong."
	case q.Form("key") == "":
		return "Enter an API key."
	case q.Site.OperatorOnly:
		return "The key is not accepted. This console is for the operator: sign in with a platform key."
	}
	return "The API key is not accepted. It may be incomplete, revoked or expired."
}

// nextOf returns the page to open after signing in: a path of the console with its query, and never one of another site.
func nextOf(asked string) string {
	page, _, _ := strings.Cut(asked, "?")
	if strings.HasPrefix(page, web.Root+"/") && path.Clean(page) == page && !strings.ContainsAny(asked, "\\\r\n#") {
		return asked
	}
	return web.Root
}
