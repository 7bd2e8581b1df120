package webhook

import (
	"regexp"
	"strings"
)

// eventTypePattern matches words joined by dots, such as order.created and workflow.run-2.finished.
var eventTypePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

const maxEventType = 128

// CheckEventType reports whether the text is an event type: words of letters, digits, _ and -, joined by dots, of at most 128 characters.
func CheckEventType(text string) bool {
	return len(text) <= maxEventType && eventTypePattern.MatchString(text)
}

// CheckSubscription reports whether the text is an entry of an endpoint's subscriptions: an exact event type, prefix.*, or *.
func CheckSubscription(text string) bool {
	return text == "*" || CheckEventType(strings.TrimSuffix(text, ".*"))
}

// Subscribes reports whether subscriptions match an event type. An empty list matches every type, except operational events: an entry has to
// begin with ReservedPrefix to match one.
func Subscribes(subscriptions []string, eventType string) bool {
	operational := ReservedEventType(eventType)
	for _, entry := range subscriptions {
		if operational && !ReservedEventType(entry) {
			continue
		}
		prefix, wild := strings.CutSuffix(entry, "*")
		if entry == eventType || wild && strings.HasPrefix(eventType, prefix) {
			return true
		}
	}
	return len(subscriptions) == 0 && !operational
}
