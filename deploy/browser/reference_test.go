package browser

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// reference opens the API reference and enters the API key as a user does.
func (b *tab) reference(r *redrive) {
	b.t.Helper()
	b.do(
		chromedp.Navigate(r.URL()+"/docs/"),
		chromedp.WaitVisible(chromedp.CSS(".opblock")),
		chromedp.Click(chromedp.CSS(".auth-wrapper .authorize")),
	)
	b.enter(".auth-container input", r.Key(), "")
	b.do(
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
	)
}

// operation is an operation of the API reference, by its selector.
type operation struct{ id, selector string }

func (o operation) open(b *tab) {
	b.t.Helper()
	b.do(
		chromedp.Click(chromedp.CSS(o.selector+".opblock-summary-control")),
		chromedp.WaitVisible(chromedp.CSS(o.selector+".execute")),
	)
}

// execute presses the button and returns the status that the page shows.
func (o operation) execute(b *tab) string {
	b.t.Helper()
	const status = ".live-responses-table tbody .response-col_status"
	b.do(
		chromedp.Click(chromedp.CSS(o.selector+".execute")),
		chromedp.WaitVisible(chromedp.CSS(o.selector+status)),
	)
	text, err := chromedp.Run(b, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q).innerText.trim()`, o.selector+status)))
	require.NoError(b.t, err)
	return text
}

// operations returns the operations of the served document. No example in the document has the name of the stack's organization, because the
// page would then fill in a valid value by chance.
func operations(t *testing.T, r *redrive) (list []operation) {
	t.Helper()
	response, err := http.Get(r.URL() + "/openapi.json")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NotContains(t, string(text), stack.Organization)

	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(text, &document))
	for _, item := range document.Paths {
		for _, value := range item {
			var described struct {
				OperationID string
				Tags        []string
			}
			if json.Unmarshal(value, &described) == nil && described.OperationID != "" {
				selector := fmt.Sprintf("#operations-%s-%s ", described.Tags[0], described.OperationID)
				list = append(list, operation{described.OperationID, selector})
			}
		}
	}
	return list
}

// A user authorizes and executes each operation with the values of the page. An example ID in a path is not found, and the example of an
// endpoint has a host that need not exist. All other operations succeed.
func TestReferenceExecutesUntouchedOperations(t *testing.T) {
	t.Parallel()
	r := start(t)
	page := open(t)
	page.reference(r)
	others := map[string]string{
		"getEndpoint": "404", "disableEndpoint": "404", "enableEndpoint": "404", "regenerateEndpointSecret": "404",
		"getDelivery": "404", "listDeliveryAttempts": "404", "explainDelivery": "404", "retryDelivery": "404", "replayDelivery": "404",
		"cancelDelivery": "404", "getEvent": "404", "deliverEvent": "404", "getBulkJob": "404", "createBulkJob": "404", "cancelBulkJob": "404",
		"getAPIKey": "404", "revokeAPIKey": "404", "getConsoleSession": "404", "endConsoleSession": "404",
		"createConsoleSession": "400", // the path of the example is that of another organization
		"updateEndpoint":       "404", "deleteEndpoint": "404", "pauseEndpoint": "404", "resumeEndpoint": "404", "testEndpoint": "404",
		"listEndpointChanges": "404", "getEndpointStatistics": "404",
		// These need a platform key.
		"listOrganizations": "403", "getOrganization": "403", "putOrganization": "403", "deleteOrganization": "403",
		"putEventType": "403", "deleteEventType": "403", "lookup": "403",
	}
	list := operations(t, r)
	require.NotEmpty(t, list)
	for _, o := range list {
		o.open(page)
		status := o.execute(page)
		switch want, ok := others[o.id]; {
		case o.id == "createEndpoint":
			assert.Contains(t, []string{"200", "400"}, status, o.id)
		case ok:
			assert.Equal(t, want, status, o.id)
		default:
			assert.Equal(t, "200", status, o.id)
		}
		page.do(chromedp.Click(chromedp.CSS(o.selector + ".opblock-summary-control")))
	}
}
