package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// hostile is stored wherever an API key may store a text. It must be shown as text, and never run.
const hostile = `<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>'"&amp;`

// everything is an organization with one resource of each kind, with hostile texts.
type everything struct {
	*customer
	endpoint, disabled, event, failed, delivered, job, key string
}

func (c *customer) withEverything(t *testing.T) everything {
	t.Helper()
	quoted := func(text string) string {
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		return string(encoded)
	}
	e := everything{customer: c}
	c.callAt(t, http.MethodPut, "/v1/event-types/run.finished", c.platform,
		`{"description": `+quoted("A run has ended "+hostile)+`, "sample": {"status": `+quoted(hostile)+`, "big": 1000000000000000000000000000000, "price": 1.10}}`, nil)
	create := func(name, types string) string {
		var made struct{ Endpoint struct{ ID string } }
		c.call(t, http.MethodPost, "", `{"name": `+quoted(name)+`, "url": "`+c.receiver+`", "description": `+quoted(hostile)+`, "maxRetries": 0,
			"subscribedEventTypes": [`+types+`], "headers": {"X-Tenant": "canary"}, "metadata": {`+quoted(hostile)+`: `+quoted(hostile)+`}}`, &made)
		return made.Endpoint.ID
	}
	e.endpoint = create("Orders "+hostile, `"run.*"`)
	e.disabled = create("Archive", `"other.*"`)
	c.call(t, http.MethodPost, "/"+e.disabled+"/disable", "", nil)
	c.answers(http.StatusInternalServerError)
	data := `{"note": ` + quoted(hostile) + `, "big": 1000000000000000000000000000000, "price": 1.10}`
	event, deliveries := c.publish(t, `{"eventType": "run.finished", "workflowId": `+quoted(hostile[:60])+`, "runId": "run-1", "data": `+data+`}`)
	e.event, e.failed = event, deliveries[0]
	c.await(t, e.failed, "failure")
	c.answers(http.StatusOK)
	_, deliveries = c.publish(t, `{"eventType": "run.started", "data": {"n": 1}}`)
	e.delivered = deliveries[0]
	c.await(t, e.delivered, "success")
	var job struct{ ID string }
	c.call(t, http.MethodPost, "/bulk-jobs", `{"action": "cancel", "filter": {"status": "pending", "eventType": "none.such"}}`, &job)
	e.job = job.ID
	var key struct{ ID string }
	c.callAt(t, http.MethodPost, "/v1/api-keys", c.Key(), `{"name": `+quoted(hostile)+`}`, &key)
	e.key = key.ID
	return e
}

// paths are the pages of an organization, below it.
func (e everything) paths() map[string]string {
	return map[string]string{
		"overview": "overview", "deliveries": "deliveries", "deliveries-failed": "deliveries?status=failure", "deliveries-refused": "deliveries?responseStatus=x",
		"delivery-failed": "deliveries/" + e.failed, "delivery-signature": "deliveries/" + e.delivered + "?check=true&signature=v1,x", "delivery-raw": "deliveries/" + e.failed + "/raw",
		"events": "events", "event": "events/" + e.event, "event-publish": "events/publish?eventType=run.finished",
		"endpoints": "endpoints", "endpoint": "endpoints/" + e.endpoint, "endpoint-disabled": "endpoints/" + e.disabled, "endpoint-new": "endpoints/new",
		"endpoint-edit": "endpoints/" + e.endpoint + "/edit", "endpoint-rotate": "endpoints/" + e.endpoint + "/rotate-secret",
		"endpoint-delete": "endpoints/" + e.endpoint + "/delete", "endpoint-changes": "endpoints/" + e.endpoint + "/changes",
		"jobs": "bulk-jobs", "job-new": "bulk-jobs/new?status=failure", "job-plan": "bulk-jobs/new?action=retry&status=failure&plan=1", "job": "bulk-jobs/" + e.job,
		"keys": "keys", "key-new": "keys/new", "key-revoke": "keys/" + e.key + "/revoke",
	}
}

// TestConsolePagesAreUsable opens every page on two screens in both themes. Every text and every control is usable, what others stored is shown
// as text, and nothing is loaded from elsewhere. With SCREENS set to a folder, it keeps pictures.
func TestConsolePagesAreUsable(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	e := c.withEverything(t)
	b := open(t)
	e.auditSignIn(b)
	e.auditAll(b, "")
}

// One process with SQLite has the same pages.
func TestConsolePagesAreUsableInOneProcess(t *testing.T) {
	t.Parallel()
	e := laptopCustomer(t).withEverything(t)
	e.auditAll(open(t), "embedded-")
}

// auditSignIn audits the pages around a session, and signs in as the operator who acts for the organization.
func (e everything) auditSignIn(b *tab) {
	b.t.Helper()
	c := e.customer
	b.visit(c.URL()+"/console/login", 1280)
	b.audit("login", "/console/login", c.URL())
	b.audit("link", "/console/link?token=x", c.URL())
	b.audit("ended", "/console/ended", c.URL())
	b.visit(c.URL()+"/console/login", 1280)
	b.write("Operator's password", password)
	b.press("Sign in as operator")
	b.at("/console/operator")
	b.visit(c.URL()+"/console/o/"+c.organization+"/overview", 1280)
	b.press("Act for this organization")
	b.shows("header", "You act for this organization")
}

// auditAll audits every page that a session may open.
func (e everything) auditAll(b *tab, prefix string) {
	b.t.Helper()
	c := e.customer
	b.audit(prefix+"operator", "/console/operator", c.URL())
	b.audit(prefix+"search", "/console/search?q=nothing", c.URL())
	b.audit(prefix+"problem", "/console/o/missing/overview", c.URL())
	for name, path := range e.paths() {
		b.audit(prefix+name, "/console/o/"+c.organization+"/"+path, c.URL())
	}
	for path, text := range map[string]string{
		"deliveries/" + e.failed: "1000000000000000000000000000000", "events/" + e.event: "1000000000000000000000000000000",
	} {
		b.visit(c.URL()+"/console/o/"+c.organization+"/"+path, 1280)
		b.shows("main", text)
		b.shows("main", "1.10")
		b.shows("main", hostile)
	}
	b.forget("Failed to load resource: the server responded with a status of 4") // the pages of problems
	b.askedOnly(c.host(b.t))
}

// forget removes the browser's messages that contain the text.
func (b *tab) forget(text string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.complain = slices.DeleteFunc(b.complain, func(message string) bool { return strings.Contains(message, text) })
}

// audit opens a page in both themes on both screens and checks that it is usable.
func (b *tab) audit(name, path, origin string) {
	b.t.Helper()
	b.visit(origin+path, 1280)
	_ = evaluate[int](b, `[...document.querySelectorAll("main details")].map((e) => e.open = true).length`)
	for _, dark := range []bool{false, true} {
		b.dark(dark)
		for _, screen := range screens {
			b.resize(int64(screen.width))
			state := fmt.Sprintf("%s at %d, dark %t", name, screen.width, dark)
			assert.LessOrEqual(b.t, evaluate[int](b, "audit.width()"), screen.width, "%s: the page is wider than the screen", state)
			assert.Empty(b.t, evaluate[[]string](b, "audit.unnamed()"), "%s: controls without a name", state)
			assert.Empty(b.t, evaluate[[]string](b, "audit.skipped()"), "%s: headings that skip a level", state)
			assert.Empty(b.t, evaluate[[]string](b, "audit.faint()"), "%s: texts with too little contrast", state)
			assert.Equal(b.t, 1, evaluate[int](b, `document.querySelectorAll("main h1").length`), "%s: headings of the page", state)
			assert.False(b.t, evaluate[bool](b, `"hostile" in window`), "%s: a stored text was run", state)
			text := b.text()
			assert.NotContains(b.t, text, "canary", "%s: the value of a header", state)
			assert.NotContains(b.t, text, "<no value>", state)
			assert.NotContains(b.t, text, "ZgotmplZ", "%s: an address that the templates refused", state)
			b.picture(fmt.Sprintf("%s-%d-%s", name, screen.width, map[bool]string{false: "light", true: "dark"}[dark]))
		}
	}
	b.dark(false)
}

// picture keeps a picture of the whole page in the folder of the variable SCREENS.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("SCREENS")
	if folder == "" {
		return
	}
	var picture []byte
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		made, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true)})
		if err == nil {
			picture = made.Data
		}
		return err
	}))
	require.NoError(b.t, os.MkdirAll(folder, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
}

// The keyboard alone reaches every control, and the focus is visible.
func TestConsoleKeyboard(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	e := c.withEverything(t)
	b := open(t)
	c.signIn(t, b)
	b.visit(c.URL()+"/console/o/"+c.organization+"/deliveries/"+e.failed, 1280)
	reachable := evaluate[int](b, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, pre[tabindex]")].filter((e) => e.checkVisibility() && !e.disabled).length`)
	seen := map[string]bool{}
	for range reachable + 5 {
		b.do(chromedp.KeyEvent("\t"))
		seen[evaluate[string](b, `(() => { const e = document.activeElement; if (!e || e === document.body) return "";
			const all = [...document.querySelectorAll("*")]; const style = getComputedStyle(e);
			return all.indexOf(e) + (style.outlineStyle === "none" ? " unseen " + e.outerHTML.slice(0, 100) : ""); })()`)] = true
	}
	delete(seen, "")
	for at := range seen {
		assert.NotContains(t, at, "unseen")
	}
	assert.Len(t, seen, reachable)
}

// A refresh changes only different nodes. It keeps the focus, the scroll position and unfolded parts. A selection stops it.
func TestConsoleRefreshKeepsThePlace(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	e := c.withEverything(t)
	b := open(t)
	c.signIn(t, b)
	b.visit(c.URL()+"/console/o/"+c.organization+"/deliveries", 1280)
	_ = evaluate[bool](b, `(() => { document.querySelector("#filters").open = true; document.querySelector("tbody a").focus(); document.activeElement.kept = true; scrollTo(0, 50); return true; })()`)
	before := evaluate[int](b, "scrollY")
	_, deliveries := c.publish(t, `{"eventType": "run.started", "data": {"n": 2}}`)
	b.shows("tbody", short(deliveries[0]))
	assert.Equal(t, "the same link, unfolded", evaluate[string](b, `(document.activeElement.kept ? "the same link" : document.activeElement.outerHTML) + (document.querySelector("#filters").open ? ", unfolded" : "")`))
	assert.Equal(t, before, evaluate[int](b, "scrollY"))

	b.tick("Select delivery " + e.failed)
	_, deliveries = c.publish(t, `{"eventType": "run.started", "data": {"n": 3}}`)
	c.await(t, deliveries[0], string(webhook.StatusSuccess))
	b.press("Retry selected")
	b.shows("main", "Retry: 1 of 1.")
}

func short(id string) string { return strings.SplitN(id, "_", 2)[0] + "_…" + id[len(id)-6:] }

// TestConsolePictures takes the two pictures of the README, of an organization as it looks in practice.
func TestConsolePictures(t *testing.T) {
	t.Parallel()
	if os.Getenv("SCREENS") == "" {
		t.Skip("make screenshots sets SCREENS")
	}
	c := startConsole(t, nil)
	c.callAt(t, http.MethodPut, "/v1/organizations/"+c.organization, c.platform, `{"name": "Acme Logistics"}`, nil)
	endpoint := func(name, types string, retries int) {
		c.call(t, http.MethodPost, "", fmt.Sprintf(`{"name": %q, "url": "%s", "subscribedEventTypes": [%q], "maxRetries": %d}`, name, c.receiver, types, retries), nil)
	}
	endpoint("Orders", "run.*", 0)
	endpoint("Data warehouse", "node.*", 5)
	for i := range 40 {
		c.publish(t, fmt.Sprintf(`{"eventType": "run.finished", "runId": "run-%d", "data": {"status": "succeeded", "durationMs": %d}}`, i, 1800+i))
	}
	c.answers(http.StatusServiceUnavailable)
	_, failed := c.publish(t, `{"eventType": "run.finished", "workflowId": "nightly-report", "runId": "run-41", "data": {"status": "failed", "error": "timeout in step 3"}}`)
	c.publish(t, `{"eventType": "node.started", "runId": "run-41", "data": {"node": "extract"}}`)
	c.await(t, failed[0], string(webhook.StatusFailure))

	b := open(t)
	c.signIn(t, b)
	for name, path := range map[string]string{"overview": "overview", "delivery": "deliveries/" + failed[0]} {
		b.visit(c.URL()+"/console/o/"+c.organization+"/"+path, 1280)
		b.picture(name)
		picture, err := os.ReadFile(filepath.Join(os.Getenv("SCREENS"), name+".png"))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll("../docs/pictures", 0o755))
		require.NoError(t, os.WriteFile(filepath.Join("../docs/pictures", name+".png"), picture, 0o644))
	}
}
