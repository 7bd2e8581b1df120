package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// publicOrigin is the origin of links. The tests replace it by the one of the stack, whose port is not known before it starts.
const publicOrigin = "http://console.example"

// customer is a running Redrive with a console, and a receiver whose answers the test sets.
type customer struct {
	*redrive
	// organization is the customer's, and platform a platform key.
	organization, platform string
	// processes are the services, or nil for one process.
	processes *stack.ProcessStack
	mutex     sync.Mutex
	status    int
	received  []string // bodies
}

func startConsole(t *testing.T, settings map[string]string) *customer {
	t.Helper()
	all := map[string]string{"PUBLIC_URL": publicOrigin}
	for name, value := range settings {
		all[name] = value
	}
	processes := stack.Processes(t, stack.Options{OperatorPassword: password, Settings: all})
	return newCustomer(t, &customer{redrive: &redrive{running: processes}, processes: processes, organization: stack.Organization, platform: platformKey(t, processes)})
}

// newCustomer gives the customer a receiver.
func newCustomer(t *testing.T, c *customer) *customer {
	t.Helper()
	c.status = http.StatusOK
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.received = append(c.received, string(body))
		w.WriteHeader(c.status)
		_, _ = fmt.Fprintf(w, "answer %d of the receiver", c.status)
	}))
	t.Cleanup(receiver.Close)
	c.receiver = receiver.URL
	return c
}

func (c *customer) answers(status int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.status = status
}

func (c *customer) got(text string) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	count := 0
	for _, body := range c.received {
		count += strings.Count(body, text)
	}
	return count
}

// link creates a link to the console and returns its address at this stack.
func (c *customer) link(t *testing.T, body string) string {
	t.Helper()
	var made struct{ URL string }
	c.callAt(t, http.MethodPost, "/v1/console-sessions", c.Key(), body, &made)
	path, found := strings.CutPrefix(made.URL, publicOrigin)
	require.True(t, found, made.URL)
	return c.URL() + path
}

// callAt is call for any path and key.
func (c *customer) callAt(t require.TestingT, method, path, key, body string, data any) {
	request, err := http.NewRequest(method, c.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", content)
	if data != nil {
		require.NoError(t, json.Unmarshal(content, &struct{ Data any }{data}))
	}
}

// signIn opens the console with the API key.
func (c *customer) signIn(t *testing.T, page *tab) {
	t.Helper()
	page.visit(c.URL()+"/console", 1280)
	page.write("API key", c.Key())
	page.press("Sign in")
	page.at("/overview")
}

// publish publishes an event and returns the IDs of the event and of its deliveries.
func (c *customer) publish(t *testing.T, body string) (event string, deliveries []string) {
	t.Helper()
	var published struct {
		Event      struct{ ID string }
		Deliveries []delivery
	}
	c.call(t, http.MethodPost, "/events", body, &published)
	for _, d := range published.Deliveries {
		deliveries = append(deliveries, d.ID)
	}
	return published.Event.ID, deliveries
}

// disabled returns how many endpoints are disabled.
func (c *customer) disabled(t *testing.T) int {
	t.Helper()
	var endpoints struct{ Items []struct{ ID string } }
	c.call(t, http.MethodGet, "?status=disabled", "", &endpoints)
	return len(endpoints.Items)
}

// missed publishes events until one makes no delivery, because its process has read that the endpoint is disabled. It returns a part of
// this event.
func (c *customer) missed(t *testing.T) string {
	t.Helper()
	for n := 100; ; n++ {
		part := fmt.Sprintf(`"n":%d}`, n)
		if _, deliveries := c.publish(t, `{"eventType": "run.finished", "data": {`+part+`}`); len(deliveries) == 0 {
			return part
		}
	}
}

// A customer with a link creates an endpoint and tests it. Later the customer finds out why nothing arrives, and retries the deliveries.
func TestConsoleCustomerByLink(t *testing.T) {
	t.Parallel()
	for name, scripted := range map[string]bool{"with script": true, "without script": false} {
		t.Run(name, func(t *testing.T) { customerByLink(t, scripted) })
	}
}

func customerByLink(t *testing.T, scripted bool) {
	c := startConsole(t, nil)
	c.callAt(t, http.MethodPut, "/v1/event-types/run.finished", c.platform, `{"description": "A run has ended", "sample": {"status": "succeeded"}}`, nil)
	link := c.link(t, `{"scope": "read-write", "subject": "jane@acme.example"}`)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<main><h1>The platform</h1><a href="%s">Webhooks</a></main>`, link)
	}))
	t.Cleanup(elsewhere.Close)

	page := open(t)
	if !scripted {
		page.withoutScript()
	}
	page.do(chromedp.Navigate(strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)))
	page.press("Webhooks")
	if !scripted {
		page.press("Open")
	}
	page.at("/overview")
	page.shows("main", "No endpoint yet")
	page.shows("header", "jane@acme.example")
	assert.NotContains(t, page.text(), "API keys", "a session by link does not see keys")

	page.press("Add an endpoint")
	page.write("Name", "Billing")
	page.write("URL", c.receiver)
	page.tick("run.finished")
	page.press("Add the endpoint")
	page.shows("main", "whsec_")
	page.press("Go")
	page.shows("main", "webhook-signature")
	page.press("Send a test")
	page.shows("main", "answer 200 of the receiver")

	c.answers(http.StatusGone)
	c.publish(t, `{"eventType": "run.finished", "data": {"n":1}}`)
	// Without script the page stays as it was when it was read.
	require.Eventually(t, func() bool { return c.disabled(t) == 1 }, patience, 20*time.Millisecond)
	assert.Equal(t, 1, c.got(`"n":1}`))
	page.visit(c.URL()+"/console", 1280)
	page.shows("main", "Billing is disabled since")
	if !scripted {
		assert.NotContains(t, page.text(), "Pause refresh", "the button needs the script")
	}
	page.shows("main", "410 Gone")
	missed := c.missed(t)

	c.answers(http.StatusOK)
	page.press("Enable it and send what was missed")
	page.press("Enable")
	page.press("Send what was missed")
	page.press("Plan")
	page.pressFirst("Deliver ")
	page.at("/bulk-jobs/job_")
	require.Eventually(t, func() bool { return c.got(missed) == 1 }, patience, 20*time.Millisecond)

	if scripted {
		page.askedOnlyAt(c.host(t), "localhost")
	}
}

// Support pastes an ID, reads the explanation, retries and sees the delivery succeed.
func TestConsoleSupport(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	c.answers(http.StatusInternalServerError)
	id := c.failed(t)
	var attempts struct{ Items []struct{ ID string } }
	c.call(t, http.MethodGet, "/deliveries/"+id+"/attempts", "", &attempts)

	page := open(t)
	page.visit(c.URL()+"/console", 1280)
	page.write("Operator's password", password)
	page.press("Sign in as operator")
	page.at("/console/operator")
	for _, pasted := range []string{id, attempts.Items[0].ID, " " + id + "\t"} {
		page.write("Any ID", pasted)
		page.press("Find")
		page.at("/deliveries/" + id)
		page.shows("header", c.organization)
		page.shows("main", "answered 500")
		page.visit(c.URL()+"/console/operator", 1280)
	}
	page.visit(c.URL()+"/console/search?q="+id, 1280)
	page.press("As text, to paste into a mail")
	for _, part := range []string{id, "Attempt 1:", "answered 500", publicOrigin + "/console/o/" + c.organization + "/deliveries/" + id} {
		page.shows("#explanation", part)
	}
	assert.NotContains(t, page.text(), "\nRetry\n", "the operator begins read-only")
	page.press("Act for this organization")
	page.shows("main", "You act for "+c.organization)
	c.answers(http.StatusOK)
	page.visit(c.URL()+"/console/o/"+c.organization+"/deliveries/"+id, 1280)
	page.press("Retry")
	page.shows("main", "pending again")
	page.shows("main h1", "Success")
	page.shows("main", "answer 200 of the receiver")
	page.askedOnly(c.host(t))
}

// An operator sees a problem, opens an organization and acts for it. The change is recorded as the operator's.
func TestConsoleOperator(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	c.answers(http.StatusInternalServerError)
	c.failed(t)
	page := open(t)
	page.visit(c.URL()+"/console/operator", 1280)
	page.write("Operator's password", "not-the-password-of-it")
	page.press("Sign in as operator")
	page.shows("main", "The password is wrong.")
	page.write("Operator's password", password)
	page.press("Sign in as operator")
	page.at("/console/operator")
	page.shows("main", "Everything works here")
	for _, part := range []string{"PostgreSQL", "Redis", "Dispatchers", "What to do", "5xx", "refusing", c.organization} {
		page.shows("main", part)
	}
	page.press("refusing")
	page.at("/endpoints/ep_")
	page.shows("header", "Read-only")
	assert.NotContains(t, page.text(), "\nPause\n")
	endpoint := evaluate[string](page, "location.pathname")
	page.press("Act for this organization")
	page.shows("header", "You act for this organization")
	page.visit(c.URL()+endpoint, 1280)
	page.press("Pause")
	page.shows("main", "Paused")
	page.shows("main", "operator")

	require.NoError(t, c.processes.Redis().Kill())
	page.visit(c.URL()+"/console/operator", 1280)
	page.shows("main", "Something needs the operator")
	page.shows("main", "Failed")
}

// Actions that a session may not do have no control, and are refused if they are requested anyway.
func TestConsoleReadOnly(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	c.answers(http.StatusInternalServerError)
	id := c.failed(t)
	page := open(t)
	page.do(chromedp.Navigate(c.link(t, `{"scope": "read", "path": "/console/o/`+c.organization+`/deliveries/`+id+`"}`)))
	page.at("/deliveries/" + id)
	page.shows("main", "This session is read-only.")
	var forms []string
	for _, path := range []string{"overview", "deliveries", "deliveries/" + id, "events", "endpoints", "bulk-jobs"} {
		page.visit(c.URL()+"/console/o/"+c.organization+"/"+path, 1280)
		forms = append(forms, evaluate[[]string](page, `[...document.querySelectorAll("main form[method=post]")].map((f) => f.action)`)...)
	}
	assert.Empty(t, forms)
	status := evaluate[int](page, fmt.Sprintf(`(() => { const r = new XMLHttpRequest(); r.open("POST", %q, false); r.send(); return r.status; })()`,
		"/console/o/"+c.organization+"/deliveries/"+id+"/retry"))
	assert.Equal(t, http.StatusForbidden, status)
	var d delivery
	c.call(t, http.MethodGet, "/deliveries/"+id, "", &d)
	assert.Equal(t, "failure", d.Status)
}

// A link is not consumed by a GET or HEAD, and opens once.
func TestConsoleLinkOpensOnce(t *testing.T) {
	t.Parallel()
	c := startConsole(t, nil)
	link := c.link(t, `{}`)
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		request, err := http.NewRequest(method, link, nil)
		require.NoError(t, err)
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.Empty(t, response.Header.Values("Set-Cookie"))
	}
	page := open(t)
	page.do(chromedp.Navigate(link))
	page.at("/overview")
	second := open(t)
	second.do(chromedp.Navigate(link))
	second.shows("main", "opened already")
}

// platformKey makes a platform key on the command line.
func platformKey(t *testing.T, processes *stack.ProcessStack) string {
	t.Helper()
	printed, err := processes.Command("keys", "create", "--platform", "--name", "test")
	require.NoError(t, err)
	for word := range strings.FieldsSeq(printed) {
		if strings.HasPrefix(word, "rpk_") {
			return word
		}
	}
	require.Fail(t, "no key was printed")
	return ""
}

// askedOnlyAt is askedOnly with a further host, whose page the browser came from.
func (b *tab) askedOnlyAt(host, before string) {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, address := range b.asked {
		parsed, err := url.Parse(address)
		require.NoError(b.t, err)
		if parsed.Hostname() != before {
			assert.Equal(b.t, host, parsed.Host, address)
		}
	}
}
