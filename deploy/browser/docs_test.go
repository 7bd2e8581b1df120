package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
)

// An integrator authorizes, lists the deliveries with the parameters of the page, reads the Go sample of a retry, and retries the failed
// delivery from the page.
func TestReferenceRetriesADelivery(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.failed(t)
	r.healed.Store(true)
	page := open(t)
	page.reference(r)

	// The filters of a list are empty at first, so that the page shows all deliveries.
	list := operation{"listDeliveries", "#operations-deliveries-listDeliveries "}
	list.open(page)
	assert.Equal(t, "200", list.execute(page))
	page.shows(list.selector+".live-responses-table .response-col_description", `"id": "`+id+`"`)

	retry := operation{"retryDelivery", "#operations-deliveries-retryDelivery "}
	retry.open(page)
	page.shows(retry.selector+".code-samples pre", "curl --silent")
	page.do(chromedp.Click(chromedp.CSS(retry.selector + ".code-samples button:nth-of-type(4)")))
	page.shows(retry.selector+".code-samples pre", "package main")

	page.enter(retry.selector+`tr[data-param-name="id"] input`, id, kb.Tab)
	assert.Equal(t, "200", retry.execute(page))
	page.shows(retry.selector+".live-responses-table .response-col_description", `"id": "`+id+`"`)
	page.shows(retry.selector+".live-responses-table .response-col_description", `"status": "pending"`)
	r.await(t, id, "success")
	page.askedOnly(r.host(t))
}
