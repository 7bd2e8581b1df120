package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/guides"
)

// screens are the widths of a phone and a laptop, with the largest permitted height of an operation whose errors are folded.
// The list of deliveries is the tallest: it has 16 parameters.
var screens = []struct{ width, height int }{{390, 5200}, {1280, 2800}}

func TestReferenceIsUsable(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, screen := range screens {
		t.Run(fmt.Sprint(screen.width), func(t *testing.T) {
			page := open(t)
			page.visit(r.URL()+"/docs/", int64(screen.width))
			page.do(chromedp.WaitVisible(chromedp.CSS(".opblock")))
			page.isUsable(screen.width, "the reference as it is loaded")
			assert.Equal(t, []string{"endpoints", "events", "deliveries", "bulk-jobs", "keys", "console-sessions", "organizations", "event-types", "meta"},
				evaluate[[]string](page, `[...document.querySelectorAll(".opblock-tag")].map((e) => e.dataset.tag)`))

			page.openAll()
			assert.Empty(t, evaluate[[]string](page, fmt.Sprintf("audit.tallerThan(%d)", screen.height)))
			const create = "#operations-endpoints-createEndpoint "
			page.do(chromedp.Click(chromedp.CSS(create+".errors-toggle")), chromedp.WaitVisible(chromedp.CSS(create+`[data-code="400"]`)))
			page.isUsable(screen.width, "all operations open, and the errors of one")

			page.do(chromedp.Click(chromedp.CSS(".auth-wrapper .authorize")), chromedp.WaitVisible(chromedp.CSS(".auth-container input")))
			page.isUsable(screen.width, "the dialog for the key")
			page.askedOnly(r.host(t))
		})
	}
}

func TestGuidesAreUsable(t *testing.T) {
	t.Parallel()
	r := start(t)
	page := open(t)
	for _, dark := range []bool{false, true} {
		page.dark(dark)
		for _, guide := range append(guides.All(), guides.Guide{}) {
			for _, screen := range screens {
				page.visit(r.URL()+"/docs/guides/"+guide.Name, int64(screen.width))
				page.isUsable(screen.width, "guide "+guide.Name)
			}
		}
	}
	page.askedOnly(r.host(t))
}

// A sample has a placeholder for an ID until the user types an ID, and then that ID.
func TestReferenceSamplesUseTypedValues(t *testing.T) {
	t.Parallel()
	r := start(t)
	page := open(t)
	page.visit(r.URL()+"/docs/", 1280)

	const retry, list, publish = "#operations-deliveries-retryDelivery ", "#operations-deliveries-listDeliveries ", "#operations-events-publishEvent "
	for _, operation := range []string{retry, list, publish} {
		page.do(chromedp.Click(chromedp.CSS(operation+".opblock-summary-control")), chromedp.WaitVisible(chromedp.CSS(operation+".code-samples")))
	}
	page.shows(retry+".code-samples pre", "/deliveries/DELIVERY_ID/retry")
	page.enter(retry+`tr[data-param-name="id"] input`, `dlv_"$(id)`, kb.Tab)
	page.shows(retry+".code-samples pre", r.URL()+"}/v1/execution-webhooks/deliveries/dlv_%22%24%28id%29/retry")
	page.enter(list+`tr[data-param-name="limit"] input`, "7", kb.Tab)
	page.shows(list+".code-samples pre", `/v1/execution-webhooks/deliveries?limit=7"`)

	page.enter(publish+"textarea", `{"eventType": "run.it's", "data": {"a": "$& 'b' \\ c"}}`, kb.Tab)
	for i, body := range []string{
		`--data '{"eventType": "run.it'\''s", "data": {"a": "$& '\''b'\'' \\ c"}}'`,
		`JSON.stringify({"eventType": "run.it's", "data": {"a": "$& 'b' \\ c"}})`,
		`data="{\"eventType\": \"run.it's\", \"data\": {\"a\": \"$& 'b' \\\\ c\"}}".encode()`,
		"strings.NewReader(`" + `{"eventType": "run.it's", "data": {"a": "$& 'b' \\ c"}}` + "`)\n\trequest, err := http.NewRequest(",
	} {
		require.True(t, evaluate[bool](page, fmt.Sprintf(`(document.querySelectorAll("%s.code-samples button")[%d].click(), true)`, publish, i)))
		page.shows(publish+".code-samples pre", body)
	}
}
