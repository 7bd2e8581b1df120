package events

import (
	"encoding/json"
	"net/http"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/web/body"
	"redrive/pkg/webhook"
)

type oneView struct {
	resource.FanOut
	Data      body.Body
	Endpoints pages.Endpoints
	Commands  []command
}

// Size returns the length of the data in bytes.
func (v oneView) Size() int { return len(v.Event.Data) }

// Full reports whether there may be more deliveries or endpoints than the API shows.
func (v oneView) Full() bool {
	return max(len(v.Deliveries), len(v.WithoutDelivery)) >= webhook.MaxFanOut
}

// Why says in a sentence why an endpoint got no delivery.
func (oneView) Why(reason string) string {
	if sentence, known := reasons[webhook.NoDelivery(reason)]; known {
		return sentence
	}
	return reason
}

// reasons are the reasons for which an endpoint has no delivery, in words.
var reasons = map[webhook.NoDelivery]string{
	webhook.NotSubscribed: "It was not subscribed to the event type when the event was published.",
	webhook.WasDisabled:   "It was disabled when the event was published.",
	webhook.WasDeleted:    "It was deleted before the event was published.",
	webhook.CreatedLater:  "It was created after the event was published.",
	webhook.UnknownAtEvent: "The reason is not known: the endpoint was changed right before the event, its state at that time is not on record, " +
		"or its delivery was purged.",
}

// find reads the event in the path with its deliveries.
func find(q *web.Request) (found resource.FanOut, err error) {
	id, err := idOf(q)
	if err != nil {
		return found, err
	}
	err = q.Get(path+"/"+id, nil, &found)
	if failure := web.FailureOf(err); failure != nil && failure.Status == http.StatusNotFound {
		err = web.Refuse(http.StatusNotFound, "There is no such event", "It does not exist in this organization, or it was purged after the retention time.")
	}
	return found, err
}

func show(q *web.Request) error {
	found, err := find(q)
	if err != nil {
		return err
	}
	view := oneView{FanOut: found}
	if view.Endpoints, err = pages.ReadEndpoints(q); err != nil {
		return err
	}
	view.Data = body.Of(body.Pretty(found.Event.Data))
	view.Commands = view.commands(q)
	return q.Show(onePage, "Event", view)
}

// command is a call of the API.
type command struct{ Name, Text string }

// maxCopied is the size of the largest data, in bytes, that is shown as part of a command.
const maxCopied = 8 << 10

// commands returns the calls that the page's actions make.
func (v oneView) commands(q *web.Request) []command {
	e := v.Event
	commands := []command{{"Read", q.Curl(http.MethodGet, path+"/"+e.ID, "")}}
	if v.Size() <= maxCopied {
		again := form{e.EventType, string(e.Data), e.WorkflowID, e.RunID, e.ExecutionID}
		commands = append(commands, command{"Publish the same again", again.curl(q)})
	}
	for _, without := range v.WithoutDelivery {
		if v.Endpoints.Active(without.EndpointID) {
			text, _ := json.Marshal(delivered{without.EndpointID}) // a struct of strings always encodes
			return append(commands, command{"Send to " + v.Endpoints.Name(without.EndpointID), q.Curl(http.MethodPost, path+"/"+e.ID+"/deliver", string(text))})
		}
	}
	return commands
}
