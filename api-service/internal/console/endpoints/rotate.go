package endpoints

import (
	"net/http"
	"strconv"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

type rotateView struct {
	Endpoint resource.Endpoint
	Hours    string
	Wrong    *web.APIError
	// Confirm says that the page asks before the old secrets end at once.
	Confirm bool
}

// beginRotation shows the form.
func beginRotation(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	hours := strconv.Itoa(int(webhook.DefaultSecretGrace / time.Hour))
	return q.Show(rotatePage, "Rotate the secret", rotateView{Endpoint: endpoint, Hours: hours})
}

// rotate makes a new signing secret and shows it. Without an overlap it asks first.
func rotate(q *web.Request) error {
	endpoint, err := find(q)
	if err != nil {
		return err
	}
	v := rotateView{Endpoint: endpoint, Hours: q.Form("overlapHours")}
	hours, err := strconv.Atoi(v.Hours)
	if err != nil {
		v.Wrong = invalid([]webhook.Detail{{Reason: "invalid_type", Field: "overlapHours", Message: "overlapHours must be a whole number of hours"}})
		return q.Render(v.Wrong.Status, rotatePage, "Rotate the secret", v)
	}
	if hours == 0 && q.Form("confirmed") == "" {
		v.Confirm = true
		return q.Show(rotatePage, "End the old secrets at once?", v)
	}
	var made resource.WithSecret
	repeated, err := q.Send(http.MethodPost, base+"/"+endpoint.ID+"/regenerate-secret", map[string]any{"overlapHours": hours}, &made)
	if err != nil {
		if v.Wrong, err = refusal(err); err != nil {
			return err
		}
		return q.Render(v.Wrong.Status, rotatePage, "Rotate the secret", v)
	}
	shown := secretView{Endpoint: made.Endpoint, Secret: made.SigningSecret, Repeated: repeated, Rotated: true, Snippets: snippets}
	if hours > 0 {
		shown.OldUntil = made.Endpoint.UpdatedAt.Add(time.Duration(hours) * time.Hour)
	}
	return q.Show(secretPage, "Signing secret", shown)
}
