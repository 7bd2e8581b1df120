package login

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate accepts one API key, one platform key, one password and one link.
type gate struct {
	wrong   int
	limited bool
	ended   []string
	audited []string
	acts    []string
}

func (g *gate) Authenticate(_ context.Context, raw string) (webhook.Identity, error) {
	switch raw {
	case "key":
		return webhook.Identity{Key: webhook.APIKey{ID: "key_1", OrganizationID: "acme"}, Organization: webhook.Organization{ID: "acme"}}, nil
	case "platform":
		return webhook.Identity{Key: webhook.APIKey{ID: "key_2", Scope: webhook.ScopePlatform, KeyPrefix: "rpk_x"}}, nil
	}
	return webhook.Identity{}, errWrong
}

func (g *gate) WrongCredentials(*http.Request) error {
	g.wrong++
	if g.limited {
		return webhook.RateLimited(time.Second, "too many wrong passwords from this address; slow down")
	}
	return nil
}

func session(scope webhook.Scope, organization string) webhook.ConsoleSession {
	return webhook.ConsoleSession{ID: "ses_1", Scope: scope, OrganizationID: organization, Lifetime: time.Hour}
}

func (g *gate) Open(_ context.Context, link string) (webhook.ConsoleSession, string, error) {
	if link != "link" {
		return webhook.ConsoleSession{}, "", webhook.ErrLinkUsed
	}
	opened := session(webhook.ScopeRead, "acme")
	opened.Path, opened.ByLink = "/console/o/acme/events?runId=1", true
	return opened, "token", nil
}

func (g *gate) StartWithKey(_ context.Context, identity webhook.Identity) (webhook.ConsoleSession, string, error) {
	if identity.Key.Platform() {
		return session(webhook.ScopePlatform, ""), "token", nil
	}
	return session(webhook.ScopeReadWrite, identity.Key.OrganizationID), "token", nil
}

func (g *gate) StartAsOperator(context.Context) (webhook.ConsoleSession, string, error) {
	return session(webhook.ScopePlatform, ""), "token", nil
}

func (g *gate) EndOwn(_ context.Context, s webhook.ConsoleSession) error {
	g.ended = append(g.ended, s.ID)
	return nil
}

func (g *gate) Act(_ context.Context, _ webhook.ConsoleSession, organization string) error {
	g.acts = append(g.acts, organization)
	return nil
}

func (g *gate) FindSession(_ context.Context, token string) (web.Session, error) {
	if token == "operator" {
		return web.Session{ConsoleSession: session(webhook.ScopePlatform, "")}, nil
	}
	if token == "customer" {
		live := session(webhook.ScopeRead, "acme")
		live.ByLink, live.Path, live.LinkHash = true, "/console/o/acme/events?runId=1", webhook.HashConsoleToken("opened")
		return web.Session{ConsoleSession: live, Organization: webhook.Organization{ID: "acme"}}, nil
	}
	return web.Session{}, errWrong
}

func (g *gate) Organization(_ context.Context, id string) (webhook.Organization, error) {
	return webhook.Organization{ID: id}, nil
}

func (g *gate) UnknownSession(*http.Request) error { return nil }

func (g *gate) Audit(_ *http.Request, actor, action, _, organization string) {
	g.audited = append(g.audited, strings.TrimSpace(actor+" "+action+" "+organization))
}

func (g *gate) ServeAs(webhook.Identity, http.ResponseWriter, *http.Request) {}

func (g *gate) serve(site web.Site, r *http.Request) *httptest.ResponseRecorder {
	kit := web.New(web.Options{Site: site, API: g, Sessions: g, Organizations: g, Limits: g, Log: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	for _, route := range Routes(g, g, func(text string) bool { return text == "password" }) {
		mux.Handle(route.Method+" "+web.Root+route.Path, kit.Handler(route))
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

func form(path string, values url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://internal"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestSignIn(t *testing.T) {
	operatorOnly := web.Site{OperatorOnly: true}
	for name, c := range map[string]struct {
		site     web.Site
		values   url.Values
		status   int
		location string
	}{
		"key":                     {web.Site{}, url.Values{"key": {"key"}}, 303, "/console/o/acme/overview"},
		"key and page":            {web.Site{}, url.Values{"key": {" key\n"}, "next": {"/console/o/acme/events?a=b"}}, 303, "/console/o/acme/events?a=b"},
		"page of another site":    {web.Site{}, url.Values{"key": {"key"}, "next": {"https://evil.example/console/"}}, 303, "/console/o/acme/overview"},
		"filter with slashes":     {web.Site{}, url.Values{"key": {"key"}, "next": {"/console/o/acme/events?workflowId=a//b"}}, 303, "/console/o/acme/events?workflowId=a//b"},
		"page outside":            {web.Site{}, url.Values{"key": {"key"}, "next": {"/console/../../evil"}}, 303, "/console/o/acme/overview"},
		"page of another host":    {web.Site{}, url.Values{"key": {"key"}, "next": {"/console//evil.example"}}, 303, "/console/o/acme/overview"},
		"platform key":            {web.Site{}, url.Values{"key": {"platform"}}, 303, "/console/operator"},
		"password":                {web.Site{}, url.Values{"password": {"password"}}, 303, "/console/operator"},
		"wrong key":               {web.Site{}, url.Values{"key": {"other"}}, 401, ""},
		"no key":                  {web.Site{}, url.Values{}, 401, ""},
		"wrong password":          {web.Site{}, url.Values{"password": {"passwor"}}, 401, ""},
		"key, operator only":      {operatorOnly, url.Values{"key": {"key"}}, 401, ""},
		"platform, operator":      {operatorOnly, url.Values{"key": {"platform"}}, 303, "/console/operator"},
		"behind a prefix":         {web.Site{PublicURL: "https://x.example/wh"}, url.Values{"key": {"key"}, "next": {"/console/o/acme/keys"}}, 303, "/wh/console/o/acme/keys"},
		"password is not trimmed": {web.Site{}, url.Values{"password": {"password "}}, 401, ""},
	} {
		g := &gate{}
		answer := g.serve(c.site, form("/console/login", c.values))
		assert.Equal(t, c.status, answer.Code, name)
		assert.Equal(t, c.location, answer.Header().Get("Location"), name)
		assert.Equal(t, c.status == 303, answer.Header().Get("Set-Cookie") != "", name)
		assert.Equal(t, c.status == 401, g.wrong == 1, name)
	}
}

func TestWrongCredentialsAreLimited(t *testing.T) {
	g := &gate{limited: true}
	assert.Equal(t, 429, g.serve(web.Site{}, form("/console/login", url.Values{"key": {"guess"}})).Code)
	assert.Equal(t, 429, g.serve(web.Site{}, form("/console/link", url.Values{"token": {"guess"}})).Code)
	assert.Equal(t, 303, g.serve(web.Site{}, form("/console/login", url.Values{"key": {"key"}})).Code, "the right key is never limited")
}

func TestLink(t *testing.T) {
	g := &gate{}
	shown := g.serve(web.Site{}, httptest.NewRequest(http.MethodGet, "/console/link?token=link", nil))
	assert.Equal(t, 200, shown.Code)
	assert.Empty(t, shown.Header().Get("Set-Cookie"), "GET opens nothing")
	assert.Contains(t, shown.Body.String(), `name="token" value="link"`)

	opened := g.serve(web.Site{}, form("/console/link", url.Values{"token": {"link"}}))
	assert.Equal(t, "/console/o/acme/events?runId=1", opened.Header().Get("Location"))
	assert.Contains(t, opened.Header().Get("Set-Cookie"), "redrive-session=token")

	used := g.serve(web.Site{}, form("/console/link", url.Values{"token": {"used"}}))
	assert.Equal(t, 400, used.Code)
	assert.Contains(t, used.Body.String(), "opened already")
	assert.Equal(t, 404, g.serve(web.Site{OperatorOnly: true}, form("/console/link", url.Values{"token": {"link"}})).Code)
	assert.Equal(t, []string{"ses_1 console.link_opened acme", "console.link_refused"}, g.audited)

	again := form("/console/link", url.Values{"token": {"opened"}})
	again.AddCookie(&http.Cookie{Name: "redrive-session", Value: "customer"})
	assert.Equal(t, "/console/o/acme/events?runId=1", g.serve(web.Site{}, again).Header().Get("Location"), "the same browser sends the form twice")
}

func TestReturnURL(t *testing.T) {
	site := web.Site{ReturnURL: "https://app.example.com/hooks?tab=1"}
	r := httptest.NewRequest(http.MethodGet, "/console/login?next="+url.QueryEscape("/console/o/ac%2Eme/events?a=b"), nil)
	body := (&gate{}).serve(site, r).Body.String()
	assert.Contains(t, body, `href="https://app.example.com/hooks?organization=ac.me&amp;path=%2Fconsole%2Fo%2Fac%252Eme%2Fevents%3Fa%3Db&amp;tab=1"`)
	assert.NotContains(t, (&gate{}).serve(web.Site{}, r).Body.String(), "Back to the platform")

	out := form("/console/logout", nil)
	out.AddCookie(&http.Cookie{Name: "redrive-session", Value: "customer"})
	assert.Equal(t, "https://app.example.com/hooks?organization=acme&path=%2Fconsole%2Fo%2Facme%2Foverview&tab=1", (&gate{}).serve(site, out).Header().Get("Location"))
}

func TestSignOutAndAct(t *testing.T) {
	g := &gate{}
	cookie := &http.Cookie{Name: "redrive-session", Value: "operator"}
	act := form("/console/o/acme/act", nil)
	act.AddCookie(cookie)
	assert.Equal(t, "/console/o/acme/overview", g.serve(web.Site{}, act).Header().Get("Location"))
	stop := form("/console/o/acme/act", url.Values{"stop": {"true"}})
	stop.AddCookie(cookie)
	g.serve(web.Site{}, stop)
	assert.Equal(t, []string{"acme", ""}, g.acts)
	assert.Equal(t, 303, g.serve(web.Site{}, form("/console/o/acme/act", nil)).Code, "without a session it leads to the page for signing in")
	assert.Len(t, g.acts, 2)
	assert.Equal(t, []string{"operator console.acting acme", "operator console.acting_stopped acme"}, g.audited)

	out := form("/console/logout", nil)
	out.AddCookie(cookie)
	answer := g.serve(web.Site{}, out)
	require.Equal(t, "/console/ended", answer.Header().Get("Location"))
	assert.Contains(t, answer.Header().Get("Set-Cookie"), "redrive-session=; Path=/; Max-Age=0")
	assert.Equal(t, []string{"ses_1"}, g.ended)
}
