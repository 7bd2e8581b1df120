package keys

import (
	"strconv"
	"time"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// form is a key to create as the form has it: texts that the API has not checked.
type form struct {
	Name, Description, Scope string
	// Days is how long the key is valid from Shown on. Empty means for ever.
	Days string
	// Shown is when the form was shown for the first time. A form that is sent twice then asks for the same expiry, so that it is one call for the API.
	Shown string
}

func formOf(q *web.Request) form {
	return form{q.Form("name"), q.Form("description"), q.Form("scope"), q.Form("days"), q.Form("shown")}
}

// wanted is the body of the call that creates a key.
type wanted struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Scope       string `json:"scope"`
	ExpiresAt   string `json:"expiresAt,omitempty"`
}

// maxDays is the longest validity that the form takes: a hundred years.
const maxDays = 36_500

// body returns the body of the call, or why the form has none: its days are no number of days.
func (f form) body() (wanted, *web.APIError) {
	w := wanted{Name: f.Name, Description: f.Description, Scope: f.Scope}
	if f.Days == "" {
		return w, nil
	}
	days, err := strconv.Atoi(f.Days)
	if err != nil || days < 1 || days > maxDays {
		return w, pages.Refusal("The days until the key expires must be a whole number from 1 to " + web.Count(maxDays) + ". Leave the field empty for a key that never expires.")
	}
	shown, err := time.Parse(time.RFC3339Nano, f.Shown)
	if err != nil {
		return w, pages.Refusal("The form is incomplete. Open the page again.")
	}
	w.ExpiresAt = webhook.FormatTime(shown.AddDate(0, 0, days))
	return w, nil
}
