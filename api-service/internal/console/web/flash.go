package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
)

// Flash is what the page after an action says about it.
type Flash struct {
	// Kind is done, same or failed. A text without a kind is not shown.
	Kind string `json:"k"`
	Text string `json:"t"`
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

// Say makes the next page say the text.
func (q *Request) Say(kind, text string) {
	if len(text) > maxFlash {
		text = text[:maxFlash]
	}
	encoded, err := json.Marshal(Flash{kind, text})
	if err != nil {
		return // strings always encode
	}
	http.SetCookie(q.W, q.kit.cookie(q, flashName(q), base64.RawURLEncoding.EncodeToString(encoded), 60))
}

// SayFailure makes the next page say why the API refused an action. It returns any other error.
func (q *Request) SayFailure(err error) error {
	failure := FailureOf(err)
	if failure == nil || failure.Status >= http.StatusInternalServerError {
		return err
	}
	if failure.Status == http.StatusTooManyRequests {
		q.Say(Same, "That was too fast. Nothing was changed. Wait a few seconds and try again.")
		return nil
	}
	q.Say(Failed, Sentence(failure.Message))
	return nil
}

// takeFlash reads what the page has to say, and removes it, so that it is said once.
func (q *Request) takeFlash() {
	cookie, err := q.R.Cookie(flashName(q))
	if err != nil || q.Refreshing() {
		return
	}
	decoded, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	var said Flash
	if err == nil && json.Unmarshal(decoded, &said) == nil && slices.Contains([]string{Done, Same, Failed}, said.Kind) {
		q.flash = said
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
