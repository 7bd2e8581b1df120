package endpoints

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

// change is a change as the page shows it.
type change struct {
	At     time.Time
	What   string
	By     string
	Reason string
	Fields []changedField
}

// changedField is a field with its value before and after. Of values that are not shown, it only says that they were changed.
type changedField struct {
	Label, Before, After string
	Hidden               bool
}

var kinds = map[string]string{
	"created": "Created", "updated": "Edited", "paused": "Paused", "resumed": "Resumed", "enabled": "Enabled", "disabled": "Disabled",
	"secret_regenerated": "Secret rotated", "deleted": "Deleted",
}

// fieldLabels are the names of the API's fields on the page, in the order in which they are shown.
var fieldLabels = []struct{ name, label string }{
	{"name", "Name"},
	{"url", "URL"},
	{"description", "Description"},
	{"subscribedEventTypes", "Event types"},
	{"status", "Status"},
	{"disabledAt", "Disabled at"},
	{"disabledReason", "Disabled because"},
	{"pausedAt", "Paused at"},
	{"deletedAt", "Deleted at"},
	{"maxRetries", "Max retries"},
	{"rateLimit", "Rate limit"},
	{"timeoutSeconds", "Timeout"},
	{"retrySchedule", "Retry schedule"},
	{"payload", "Payload"},
	{"signatureHeader", "Signature header"},
	{"headers", "Headers"},
	{"metadata", "Metadata"},
	{"signingSecret", "Signing secret"},
}

// readable returns the changes with their fields as texts.
func readable(changes []resource.Change) ([]change, error) {
	var made []change
	for _, c := range changes {
		before, err := decodeFields(c.Before)
		if err != nil {
			return nil, fmt.Errorf("decode a change of %s: %w", c.EndpointID, err)
		}
		after, err := decodeFields(c.After)
		if err != nil {
			return nil, fmt.Errorf("decode a change of %s: %w", c.EndpointID, err)
		}
		what, known := kinds[c.Change]
		if !known {
			what = c.Change
		}
		made = append(made, change{At: c.At, What: what, By: c.By, Reason: c.Reason, Fields: changedFields(before, after)})
	}
	return made, nil
}

// decodeFields decodes an object. Numbers keep their digits.
func decodeFields(object json.RawMessage) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var fields map[string]any
	return fields, decoder.Decode(&fields)
}

// changedFields returns the fields of both objects. Fields without a label follow those with one.
func changedFields(before, after map[string]any) []changedField {
	var made []changedField
	shown := map[string]bool{}
	add := func(name, label string) {
		was, had := before[name]
		is, has := after[name]
		if shown[name] = true; !had && !has {
			return
		}
		f := changedField{Label: label, Before: valueText(was), After: valueText(is)}
		f.Hidden = had && has && f.Before == f.After
		made = append(made, f)
	}
	for _, l := range fieldLabels {
		add(l.name, l.label)
	}
	for _, name := range slices.Concat(web.SortedKeys(before), web.SortedKeys(after)) {
		if !shown[name] {
			add(name, name)
		}
	}
	return made
}

// valueText writes a value of a field. No value is an empty text.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return at.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		return value
	case []any:
		if len(value) == 0 {
			return "all"
		}
		texts := make([]string, len(value))
		for i := range value {
			texts[i] = valueText(value[i])
		}
		return strings.Join(texts, ", ")
	case map[string]any:
		var texts []string
		for _, name := range web.SortedKeys(value) {
			texts = append(texts, name+": "+valueText(value[name]))
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(value)
}
