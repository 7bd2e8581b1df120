package endpoints

import (
	"reflect"
	"strconv"

	"redrive/pkg/webhook"
)

// field is a field of the API's endpoint that is made from the form.
type field struct {
	name string
	// parse returns the value to send. Nil means without a value.
	parse func(f form, name string) (any, *webhook.Detail)
}

// fields are the fields that both a new and an edited endpoint have. Headers are apart.
var fields = []field{
	{"name", text},
	{"url", text},
	{"description", text},
	{"subscribedEventTypes", subscriptions},
	{"maxRetries", number},
	{"rateLimit", number},
	{"timeoutSeconds", number},
	{"retrySchedule", schedule},
	{"payload", text},
	{"signatureHeader", text},
}

// spec returns the body that creates the endpoint. It has only fields with a value. The details say what is wrong with the form.
func (f form) spec() (map[string]any, []webhook.Detail) {
	body := map[string]any{}
	var wrong []webhook.Detail
	for _, field := range fields {
		value, problem := field.parse(f, field.name)
		switch {
		case problem != nil:
			wrong = append(wrong, *problem)
		case value != nil:
			body[field.name] = value
		}
	}
	headers, problems := parseHeaders(f.Text("headers"))
	if len(headers) > 0 {
		body["headers"] = headers
	}
	if f.Text("paused") != "" {
		body["paused"] = true
	}
	return body, append(wrong, problems...)
}

// patch returns the body that changes what differs from the form as it was opened. So a field that somebody else has changed meanwhile keeps
// that change. A field that was emptied is null in the patch. The details say what is wrong with the form.
func (f form) patch(was form) (map[string]any, []webhook.Detail) {
	body := map[string]any{}
	var wrong []webhook.Detail
	for _, field := range fields {
		value, problem := field.parse(f, field.name)
		if problem != nil {
			wrong = append(wrong, *problem)
			continue
		}
		if before, _ := field.parse(was, field.name); !reflect.DeepEqual(value, before) {
			body[field.name] = value
		}
	}
	// An endpoint without headers has no choice: its form always replaces them.
	if f.Text("headersChoice") == keepHeaders {
		return body, wrong
	}
	headers, problems := parseHeaders(f.Text("headers"))
	if len(headers) > 0 || was.Text("headersChoice") == keepHeaders {
		body["headers"] = headers
	}
	return body, append(wrong, problems...)
}

func text(f form, name string) (any, *webhook.Detail) {
	if value := f.Text(name); value != "" {
		return value, nil
	}
	return nil, nil
}

func subscriptions(f form, _ string) (any, *webhook.Detail) {
	if types := f.types(); len(types) > 0 {
		return types, nil
	}
	return nil, nil
}

func number(f form, name string) (any, *webhook.Detail) {
	value := f.Text(name)
	if value == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return nil, &webhook.Detail{Reason: "invalid_type", Field: name, Message: name + " must be a whole number; leave it empty for the default"}
	}
	return n, nil
}

func schedule(f form, name string) (any, *webhook.Detail) {
	var delays []int
	for _, word := range words(f.Text(name)) {
		seconds, err := strconv.Atoi(word)
		if err != nil {
			return nil, &webhook.Detail{Reason: "invalid_type", Field: name, Message: name + " must be whole seconds separated by commas, such as 60, 300, 3600"}
		}
		delays = append(delays, seconds)
	}
	if len(delays) == 0 {
		return nil, nil
	}
	return delays, nil
}
