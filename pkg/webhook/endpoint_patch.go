package webhook

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Patched is the value of a field in a patch. A field that the patch does not have is not Present. For a null, Value is the zero value.
type Patched[T any] struct {
	Present bool
	Null    bool
	Value   T
}

// EndpointPatch describes a change of an endpoint. Fields that are not present keep their value. The empty value of a field gives what
// creation without the field gives.
type EndpointPatch struct {
	Name                 Patched[string]
	URL                  Patched[string]
	Description          Patched[string]
	SubscribedEventTypes Patched[[]string]
	MaxRetries           Patched[int] // 0 means no retries, and null the default
	Headers              Patched[map[string]Secret]
	RateLimit            Patched[int]
	TimeoutSeconds       Patched[int]
	RetrySchedule        Patched[[]int]
	SignatureHeader      Patched[string]
	Payload              Patched[Payload]
	// Metadata is merged: a nil value removes its pair, and an empty map removes all.
	Metadata Patched[map[string]*string]
}

// maskedValue is how answers show the value of a header.
const maskedValue = "****"

// Check returns an error with everything that is wrong with the patch by itself. It does not check whether the URL is a permitted
// destination.
func (p EndpointPatch) Check() error {
	var c check
	if p.Name.Present {
		c.required("name", p.Name.Value, maxEndpointName)
	}
	if p.URL.Present {
		c.url(p.URL.Value)
	}
	c.text("description", p.Description.Value, maxDescription)
	c.subscriptions(p.SubscribedEventTypes.Value)
	c.maxRetries(p.MaxRetries.Value)
	c.rateLimit(p.RateLimit.Value)
	c.headers("headers", p.Headers.Value)
	c.unmasked("headers", p.Headers.Value)
	c.timeout(p.TimeoutSeconds.Value)
	c.schedule(p.RetrySchedule.Value)
	c.payload(p.Payload.Value)
	c.signatureHeader(p.SignatureHeader.Value)
	return c.err()
}

// unmasked refuses header values that were copied from an answer.
func (c *check) unmasked(field string, headers map[string]Secret) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if reason, _ := checkHeaderName(name); reason == "" && headers[name].Reveal() == maskedValue {
			c.add("masked_value", field+"."+name, field+"."+name+" is masked as answers show it; send its value, or leave headers out to keep all of them")
		}
	}
}

// Change returns the change that applies a checked patch.
func (p EndpointPatch) Change(by string, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeUpdated, By: by, At: now, Apply: p.apply}
}

// apply changes the endpoint. It returns an error if the result would be invalid, or if headers would be sent to another destination than
// theirs.
func (p EndpointPatch) apply(e *Endpoint) error {
	if p.URL.Present && !p.Headers.Present && len(e.Headers) > 0 && origin(p.URL.Value) != origin(e.URL) {
		return Invalid("headers_required", "headers",
			"the url has another scheme, host or port, and the endpoint has headers that were given for the one before; send headers too, or {} to remove them")
	}
	patch(&e.Name, p.Name)
	patch(&e.URL, p.URL)
	patch(&e.Description, p.Description)
	patch(&e.SubscribedEventTypes, p.SubscribedEventTypes)
	patch(&e.MaxRetries, p.MaxRetries)
	if p.MaxRetries.Null {
		e.MaxRetries = DefaultMaxRetries
	}
	patch(&e.Headers, p.Headers)
	patch(&e.RateLimit, p.RateLimit)
	patch(&e.TimeoutSeconds, p.TimeoutSeconds)
	patch(&e.RetrySchedule, p.RetrySchedule)
	patch(&e.SignatureHeader, p.SignatureHeader)
	patch(&e.Payload, p.Payload)
	e.Metadata = p.metadata(e.Metadata)

	var c check
	c.signatureHeaderApart(e.SignatureHeader, e.Headers)
	if p.Metadata.Present {
		c.metadata(e.Metadata)
	}
	return c.err()
}

func patch[T any](field *T, p Patched[T]) {
	if p.Present {
		*field = p.Value
	}
}

func (p EndpointPatch) metadata(current map[string]string) map[string]string {
	switch {
	case !p.Metadata.Present:
		return current
	case len(p.Metadata.Value) == 0:
		return nil
	}
	merged := maps.Clone(current)
	if merged == nil {
		merged = map[string]string{}
	}
	for name, value := range p.Metadata.Value {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = *value
		}
	}
	return merged
}

// origin returns the scheme, host and port of a URL in one form. Two URLs with one origin are one destination.
func origin(text string) string {
	parsed, err := url.Parse(text)
	if err != nil {
		return text
	}
	scheme, port := strings.ToLower(parsed.Scheme), parsed.Port()
	if port == "" && scheme == "https" {
		port = "443"
	}
	if port == "" && scheme == "http" {
		port = "80"
	}
	return scheme + "://" + strings.ToLower(parsed.Hostname()) + ":" + port
}
