package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// patience is a safety limit. No verdict depends on it.
const patience = time.Minute

// tab is a page in a browser of its own. It records the page's requests and the browser's messages.
type tab struct {
	context.Context
	t *testing.T

	mutex    sync.Mutex
	asked    []string // addresses
	complain []string // messages of the browser: a violated policy, an error in a script
}

// open starts a browser without background requests. It resolves no host but this machine.
func open(t *testing.T) *tab {
	t.Helper()
	program, err := testservers.FindBrowser()
	require.NoError(t, err, testservers.Hint())
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1400, 2400),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("proxy-server", "direct://"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root cannot use the sandbox
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*patience)
	t.Cleanup(cancel)
	allocator, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	page, closePage := chromedp.NewContext(allocator)
	t.Cleanup(closePage)
	opened := &tab{Context: page, t: t}
	require.NoError(t, chromedp.Listen(page, opened.note))
	opened.do(
		command(network.Enable, network.EnableParams{}),
		command(log.Enable, struct{}{}),
	)
	t.Cleanup(func() { require.NoError(t, chromedp.Cancel(page)) })
	return opened
}

func (b *tab) note(event any) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.asked = append(b.asked, e.URL)
	case *log.EventEntryAdded:
		b.complain = append(b.complain, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		b.complain = append(b.complain, e.ExceptionDetails.Text)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		text, _ := chromedp.Run(b, chromedp.Evaluate[string]("document.body.innerText"))
		require.NoError(b.t, err, "%s\n%s", strings.Join(b.complain, "\n"), text)
	}
}

// shows waits until the page, or a part of it, contains the text.
func (b *tab) shows(selector, text string) {
	b.t.Helper()
	script := fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q) || (e.value ?? "").includes(%q))`, selector, text, text)
	var found bool
	for deadline := time.Now().Add(patience); !found && time.Now().Before(deadline); {
		// An error means that the browser is about to open another page.
		found, _ = chromedp.Run(b, chromedp.Evaluate[bool](script))
		require.NoError(b.t, b.Err())
	}
	if !found {
		all, _ := chromedp.Run(b, chromedp.Evaluate[string]("document.body.innerText"))
		require.Fail(b.t, "the page does not show it", "%q in %s:\n%s", text, selector, all)
	}
}

// enter replaces the text of a field and leaves the field, as a user does.
func (b *tab) enter(selector, text, end string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	_, err := chromedp.Run(b, chromedp.Evaluate[bool](fmt.Sprintf(`(e => (e.focus(), e.select(), true))(document.querySelector(%q))`, selector)))
	require.NoError(b.t, err)
	// The whole text is one input event, because the page renders an operation again after each event.
	b.do(command(input.InsertText, input.InsertTextParams{Text: text}), chromedp.SendKeys(chromedp.CSS(selector), end))
}

// askedOnly checks that the page sent requests only to its own host and to permitted paths.
func (b *tab) askedOnly(host string) {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	require.NotEmpty(b.t, b.asked)
	for _, address := range b.asked {
		if !strings.HasPrefix(address, "data:") {
			parsed, err := url.Parse(address)
			require.NoError(b.t, err)
			assert.Equal(b.t, host, parsed.Host, address)
		}
	}
	assert.Empty(b.t, b.complain)
}
