package deliveries

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// done says what each action has done.
var done = map[string]string{
	"retry":  "The delivery is pending again, with a fresh set of retries.",
	"replay": "This is the new delivery of the same event.",
	"cancel": "The delivery was cancelled. Nothing more is sent, unless somebody retries it.",
}

// act retries, replays or cancels one delivery.
func act(q *web.Request) error {
	action, id := q.Param("action"), q.Param("id")
	text, known := done[action]
	if !known {
		return web.ErrNotFound()
	}
	var changed resource.Delivery
	repeated, err := q.Send(http.MethodPost, path+"/"+id+"/"+action, nil, &changed)
	switch {
	case tooLate(err):
		changed.ID = id
		q.SetFlash(web.Same, "Nothing was changed. "+web.Sentence(err.Error()))
	case err != nil:
		changed.ID = id
		if err := q.FlashFailure(err); err != nil {
			return err
		}
	case repeated:
		q.SetFlash(web.Same, "This was done before. Nothing was changed again.")
	default:
		q.SetFlash(web.Done, text)
	}
	return q.Redirect(q.To("deliveries", changed.ID))
}

// tooLate reports whether the state of the delivery does not allow the action, as after a second click.
func tooLate(err error) bool {
	failure := web.FailureOf(err)
	return failure != nil && (failure.Reason() == "delivery_not_failed" || failure.Reason() == "delivery_not_waiting")
}

// reasons say in words why an action on a selected delivery was refused.
var reasons = map[string]string{
	"delivery_not_failed": "not in failure", "delivery_not_waiting": "not waiting", "delivery_not_found": "not found", "invalid_id": "not found",
	"endpoint_disabled": "the endpoint is disabled", "endpoint_deleted": "the endpoint was deleted", doneBefore: doneBefore,
}

const doneBefore = "done before"

// maxSelected is the number of deliveries of a page of the list.
const maxSelected = 50

// actOnSelected makes the single call for each of the selected deliveries.
func actOnSelected(q *web.Request) error {
	action, ids := q.Form("action"), q.R.PostForm["id"]
	if _, known := done[action]; !known {
		return web.Refuse(http.StatusBadRequest, "Choose an action", "Choose retry, replay or cancel for the selected deliveries.")
	}
	back := q.To("deliveries")
	if query := q.Form("query"); query != "" {
		back += "?" + query
	}
	if len(ids) == 0 {
		q.SetFlash(web.Failed, "No delivery was selected.")
		return q.Redirect(back)
	}
	if len(ids) > maxSelected {
		return web.Refuse(http.StatusBadRequest, "Too many deliveries", "At most 50 can be selected. Make a bulk job of all that match instead.")
	}
	kind, text, err := each(q, action, ids)
	if err != nil {
		return err
	}
	q.SetFlash(kind, text)
	return q.Redirect(back)
}

// each makes the calls, and says how many had their effect and why others had not.
func each(q *web.Request, action string, ids []string) (kind, text string, err error) {
	var applied int
	refused := map[string]int{}
	once := q.Form("once")
	for _, id := range ids {
		repeated, err := q.SendOnce(keyFor(once, id), http.MethodPost, path+"/"+id+"/"+action, nil, nil)
		failure := web.FailureOf(err)
		switch {
		case failure != nil && failure.Status < http.StatusInternalServerError:
			refused[cmp.Or(reasons[failure.Reason()], failure.Reason())]++
		case err != nil:
			return "", "", err
		case repeated:
			refused[doneBefore]++
		default:
			applied++
		}
	}
	kind, text = web.Done, fmt.Sprintf("%s: %d of %d.", strings.ToUpper(action[:1])+action[1:], applied, len(ids))
	if applied == 0 {
		kind = web.Same
	}
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		text += fmt.Sprintf(" Not changed, %s: %d.", reason, refused[reason])
	}
	return kind, text, nil
}

// keyFor returns the idempotency key of one call of a form. Cancelling takes none, and needs none.
func keyFor(once, id string) string {
	if once == "" {
		return ""
	}
	return once + "/" + id
}
