package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Flash is a message about an action, which the next page shows.
type Flash struct {
	// Kind is done, same or failed. A text without a kind is not shown.
	Kind string `json:"k"`
	Text string `json:"t"`
	// OrganizationID is whose pages show it. Empty means the next page of any.
	OrganizationID string `json:"o,omitempty"`
}

// The kinds of a Flash.
const (
	Done   = "done"
	Same   = "same"   // nothing has changed
	Failed = "failed" // the action was refused
)

const (
	flashCookie = "redrive-flash"
	maxFlash    = 2_000 // a cookie has 4 KiB
)

// SetFlash makes the next page show a message.
func (q *Request) SetFlash(kind, text string) {
	if len(text) > maxFlash {
		text = strings.ToValidUTF8(text[:maxFlash], "")
	}
	encoded, err := json.Marshal(Flash{kind, text, q.Organization.ID})
	if err != nil {
		return // strings always encode
	}
	http.SetCookie(q.W, q.kit.cookie(q, flashName(q), base64.RawURLEncoding.EncodeToString(encoded), 60))
}

// FlashFailure makes the next page show why the API refused an action. It returns any other error.
func (q *Request) FlashFailure(err error) error {
	failure := FailureOf(err)
	if failure == nil || failure.Status >= http.StatusInternalServerError {
		return err
	}
	if failure.Status == http.StatusTooManyRequests {
		q.SetFlash(Same, "That was too fast. Nothing was changed. Wait a few seconds and try again.")
		return nil
	}
	q.SetFlash(Failed, Sentence(failure.Message))
	return nil
}

// takeFlash reads the message for the page, and removes it, so that it is shown once.
func (q *Request) takeFlash() {
	if q.Refreshing() {
		return
	}
	cookie, err := q.R.Cookie(flashName(q))
	if err != nil {
		return
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	var message Flash
	if err == nil && json.Unmarshal(decoded, &message) == nil && slices.Contains([]string{Done, Same, Failed}, message.Kind) {
		if message.OrganizationID != "" && message.OrganizationID != q.Organization.ID {
			return // it is for a page in another tab
		}
		q.flash = message
	}
	http.SetCookie(q.W, q.kit.cookie(q, flashName(q), "", -1))
}

// flashName returns the name of the cookie. Behind TLS, no other host of the domain can set it.
func flashName(q *Request) string {
	if secure(q) {
		return securePrefix + flashCookie
	}
	return flashCookie
}
