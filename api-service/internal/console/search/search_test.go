package search

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/webtest"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	now        = time.Now()
	deliveryID = webhook.NewID(webhook.KindDelivery, now)
	eventID    = webhook.NewID(webhook.KindEvent, now)
	attemptID  = webhook.NewID(webhook.KindAttempt, now)
)

type finder struct{}

func (finder) FindDeliveryOfAttempt(_ context.Context, organization, id string) (string, error) {
	if id != attemptID || organization != webtest.OrganizationID {
		return "", webhook.NotFound("attempt", id)
	}
	return deliveryID, nil
}

func (finder) ListAPIKeysByPrefix(_ context.Context, prefix string, _ int) ([]webhook.APIKey, error) {
	if prefix != "rdk_abcdefgh" {
		return nil, nil
	}
	return []webhook.APIKey{{ID: "key_1", OrganizationID: webtest.OrganizationID, KeyPrefix: prefix, Name: webtest.Hostile}, {ID: "key_2", KeyPrefix: prefix}}, nil
}

func found(items ...any) webtest.Reply {
	return webtest.Reply{Data: webtest.JSON(map[string]any{"items": items})}
}

func console(t *testing.T) *webtest.Console {
	c := webtest.New(t, Routes(finder{}))
	c.AnswerBy("GET /v1/lookup", func(call webtest.Call) webtest.Reply {
		if id := call.Query.Get("id"); id == deliveryID || id == attemptID {
			return found(map[string]any{"id": id, "organizationId": webtest.OrganizationID})
		}
		return found()
	})
	c.AnswerBy("GET /v1/organizations", func(call webtest.Call) webtest.Reply {
		if call.Query.Get("q") == "Ac" {
			return found(map[string]any{"id": "acme", "name": webtest.Hostile}, map[string]any{"id": "ac2"}, map[string]any{"id": "gone", "deletedAt": "2026-11-28T10:00:00Z"})
		}
		return found()
	})
	const api = "GET /v1/execution-webhooks"
	c.Answer(api+"/deliveries/"+deliveryID, webtest.Reply{Data: webtest.JSON(map[string]any{"id": deliveryID})})
	c.Answer(api+"/events/"+eventID, webtest.Reply{Status: 404, Message: "there is no event"})
	c.AnswerBy(api+"/events", func(call webtest.Call) webtest.Reply {
		if call.Query.Get("runId") == "run-1" {
			return found(map[string]any{"id": eventID})
		}
		return found()
	})
	c.Answer(api, found())
	return c
}

// search asks for a text, and returns where it leads, or the text of the page.
func search(c *webtest.Console, who webtest.Who, text string) string {
	page := c.At(who, web.Root+"/search?"+url.Values{"q": {text}, "organization": {webtest.OrganizationID}}.Encode())
	if page.Location != "" {
		return page.Location
	}
	return page.Text()
}

func TestSearchLeadsToThePage(t *testing.T) {
	c := console(t)
	for _, who := range []webtest.Who{webtest.Reader, webtest.Operator} {
		assert.Equal(t, webtest.Path("deliveries/"+deliveryID), search(c, who, deliveryID), who)
		assert.Equal(t, webtest.Path("deliveries/"+deliveryID), search(c, who, "\t"+attemptID+" "), who)
		assert.Equal(t, webtest.Path("deliveries?runId=run-1"), search(c, who, "run-1"), who)
		for _, nothing := range []string{eventID, webhook.NewID(webhook.KindAttempt, now), webhook.NewID(webhook.KindRequest, now), "nothing", "\x00", ""} {
			assert.NotContains(t, search(c, who, nothing), web.Root+"/o/", nothing)
		}
	}
}

func TestSearchForOperator(t *testing.T) {
	c := console(t)
	several := search(c, webtest.Operator, "Ac")
	assert.Contains(t, several, "acme (<script>")
	assert.Contains(t, several, "ac2")
	assert.NotContains(t, several, "gone", "a deleted organization has no pages")
	assert.Equal(t, webtest.Path("keys"), search(c, webtest.Operator, "rdk_abcdefghijklmnop"), "a whole key is found by what is visible of it")
	assert.Contains(t, search(c, webtest.Operator, "rdk_"), "Nothing was found")
	assert.Contains(t, search(c, webtest.Reader, "Ac"), "Nothing was found", "a customer does not find organizations")
}

// While the database is away, a search must not say that an ID does not exist.
func TestSearchUnavailableShowsProblem(t *testing.T) {
	c := console(t)
	for status, want := range map[int]int{503: 503, 429: 429, 404: 200, 400: 200} {
		c.Answer("GET /v1/execution-webhooks/deliveries/"+deliveryID, webtest.Reply{Status: status, Message: "m"})
		assert.Equal(t, want, c.At(webtest.Reader, web.Root+"/search?q="+deliveryID).Status, status)
	}
}
