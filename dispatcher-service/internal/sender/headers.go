package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// addEvent adds the event's fields that the body does not have, if the endpoint is sent the data alone.
func addEvent(header http.Header, d webhook.Dispatch) {
	if d.Endpoint.Payload != webhook.PayloadData {
		return
	}
	header.Set(webhook.HeaderEventType, d.Event.Type)
	header.Set(webhook.HeaderEventID, d.Event.ID)
	header.Set(webhook.HeaderEventTimestamp, webhook.FormatTime(d.Event.CreatedAt))
}

// addPlainSignature adds the endpoint's signature header, if it has one: the lower-case hex HMAC-SHA256 of the body, keyed with the text of
// the newest secret. Only one secret signs here, because receivers of this form compare the whole header.
func addPlainSignature(header http.Header, e webhook.Endpoint, at time.Time, body []byte) {
	secrets := e.LiveSecrets(at)
	if e.SignatureHeader == "" || len(secrets) == 0 {
		return
	}
	mac := hmac.New(sha256.New, []byte(secrets[0].Reveal()))
	mac.Write(body)
	header.Set(e.SignatureHeader, hex.EncodeToString(mac.Sum(nil)))
}

// masked returns the flat header of a request with the values of the endpoint's own headers masked. They are usually secrets: a recorded
// attempt shows only their names.
func masked(header http.Header, own map[string]webhook.Secret) map[string]string {
	flat := flatten(header)
	for name, value := range own {
		flat[http.CanonicalHeaderKey(name)] = value.String()
	}
	return flat
}

// flatten returns each header as one line of valid UTF-8, which is the form that is stored and shown.
func flatten(header http.Header) map[string]string {
	flat := make(map[string]string, len(header))
	for name, values := range header {
		flat[strings.ToValidUTF8(name, "\uFFFD")] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
	}
	return flat
}
