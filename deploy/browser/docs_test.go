package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An integrator authorizes, reads how a retry is called from Go, and has the page retry a delivery that failed.
func TestTheReferenceRetriesADelivery(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.failed(t)
	r.healed.Store(true)
	page := open(t)
	page.do(
		chromedp.Navigate(r.URL()+"/docs/"),
		chromedp.WaitVisible(chromedp.CSS(".opblock")),
		chromedp.Click(chromedp.CSS(".auth-wrapper .authorize")),
	)
	page.enter(".auth-container input", r.Key(), "")
	page.do(
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
	)

	const operation = "#operations-deliveries-retryDelivery "
	page.do(
		chromedp.Click(chromedp.CSS(operation+".opblock-summary-control")),
		chromedp.WaitVisible(chromedp.CSS(operation+".code-samples")),
	)
	page.shows(operation+".code-samples pre", "curl --silent")
	page.do(chromedp.Click(chromedp.CSS(operation + ".code-samples button:nth-of-type(4)")))
	page.shows(operation+".code-samples pre", "package main")

	page.enter(operation+`tr[data-param-name="id"] input`, id, kb.Tab)
	page.do(chromedp.Click(chromedp.CSS(operation + ".execute")))
	page.shows(operation+".live-responses-table .response-col_status", "200")
	page.shows(operation+".live-responses-table .response-col_description", `"id": "`+id+`"`)
	page.shows(operation+".live-responses-table .response-col_description", `"status": "pending"`)
	r.await(t, id, "success")
	page.askedOnly(r.host(t))
}
