package browser

import (
	"encoding/base64"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"redrive/pkg/webhook"
)

// An operator finds a dead letter by the delivery ID of a customer and reads why it failed.
func TestQueueUIFindsADeliveryByID(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.failed(t)
	page := open(t)
	credentials := base64.StdEncoding.EncodeToString([]byte("operator:" + password))
	page.do(
		command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Authorization": "Basic " + credentials}}),
		chromedp.Navigate(r.URL()+"/queues/"),
	)
	page.shows("body", webhook.QueueDeliveries)
	page.do(chromedp.Navigate(r.URL() + "/queues/queues/" + webhook.QueueDeliveries + "?status=archived"))
	page.enter(`input[placeholder="Search by ID"]`, id, kb.Enter)
	page.shows("body", "Task Info")
	page.shows("body", id)
	page.shows("body", "archived")
	page.shows("body", "answered 500")
	page.askedOnly(r.host(t))
}
