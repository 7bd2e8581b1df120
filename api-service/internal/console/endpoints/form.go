package endpoints

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// form has the fields of an endpoint's form as texts. Most of them have the names of the API's fields. Its other fields are eventType, once
// for each type that was chosen, moreEventTypes, and headersChoice.
type form struct{ values url.Values }

// The values of headersChoice.
const (
	keepHeaders    = "keep"
	replaceHeaders = "replace"
)

// formOf returns the form with an endpoint's values. The values of headers are not among them.
func formOf(e resource.Endpoint) form {
	values := url.Values{
		"name": {e.Name}, "url": {e.URL}, "description": {e.Description}, "maxRetries": {strconv.Itoa(e.MaxRetries)}, "eventType": e.SubscribedEventTypes,
		"rateLimit": {unlessZero(e.RateLimit)}, "timeoutSeconds": {unlessZero(e.TimeoutSeconds)}, "signatureHeader": {e.SignatureHeader},
		"headersChoice": {replaceHeaders},
	}
	if e.Payload == string(webhook.PayloadData) {
		values.Set("payload", e.Payload)
	}
	delays := make([]string, len(e.RetrySchedule))
	for i, seconds := range e.RetrySchedule {
		delays[i] = strconv.Itoa(seconds)
	}
	values.Set("retrySchedule", strings.Join(delays, ", "))
	if len(e.Headers) > 0 {
		values.Set("headersChoice", keepHeaders)
	}
	return form{values}
}

func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Text returns a field without space around it. Browsers send a line break as two characters.
func (f form) Text(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(f.values.Get(name), "\r\n", "\n"))
}

// types returns the event types that were chosen or written, in their order and each once.
func (f form) types() []string {
	types := slices.Concat(f.values["eventType"], words(f.Text("moreEventTypes")))
	slices.Sort(types)
	return slices.Compact(types)
}

// words returns the words of a text, which are separated by commas, spaces or line breaks.
func words(text string) []string { return strings.Fields(strings.ReplaceAll(text, ",", " ")) }

// formView is the page of the form, for a new endpoint or for one that is edited.
type formView struct {
	// Endpoint is zero for a new endpoint.
	Endpoint resource.Endpoint
	Form     form
	// Was is the encoded form as it was when the page was opened. What differs from it is what was edited.
	Was       string
	Wrong     *web.APIError
	Catalogue []resource.EventType
	// MoreTypes says that the catalogue has more types than the page.
	MoreTypes bool
	Curl      string
}

// New reports whether the form makes a new endpoint.
func (v formView) New() bool { return v.Endpoint.ID == "" }

// Chosen reports whether the endpoint is to get an event type of the catalogue.
func (v formView) Chosen(name string) bool { return slices.Contains(v.Form.types(), name) }

// Written returns the entries that are not in the catalogue, one on each line.
func (v formView) Written() string {
	return strings.Join(slices.DeleteFunc(v.Form.types(), func(entry string) bool {
		return slices.ContainsFunc(v.Catalogue, func(t resource.EventType) bool { return t.Name == entry })
	}), "\n")
}

// IsWrong reports whether a field was refused.
func (v formView) IsWrong(name string) bool {
	return v.Wrong != nil && slices.ContainsFunc(v.Wrong.Details, func(d webhook.Detail) bool {
		return d.Field == name || strings.HasPrefix(d.Field, name+"[") || strings.HasPrefix(d.Field, name+".")
	})
}

// rare are the fields that most endpoints leave empty.
var rare = []string{"maxRetries", "rateLimit", "timeoutSeconds", "retrySchedule", "payload", "signatureHeader", "headers", "paused"}

// Open reports whether the rarely used fields are shown: one of them was set or refused.
func (v formView) Open() bool {
	return len(v.Endpoint.Headers) > 0 || slices.ContainsFunc(rare, func(name string) bool { return v.Form.Text(name) != "" || v.IsWrong(name) })
}

// show reads the catalogue and shows the page.
func (v formView) show(q *web.Request) error {
	var err error
	if v.Catalogue, v.MoreTypes, err = readCatalogue(q); err != nil {
		return err
	}
	title, status := "Add an endpoint", http.StatusOK
	if !v.New() {
		title = "Edit an endpoint"
	}
	if v.Wrong != nil {
		status = v.Wrong.Status
	}
	return q.Render(status, formPage, title, v)
}
