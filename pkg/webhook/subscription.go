package webhook

import (
	"regexp"
	"strings"
)

// eventTypePattern is dotted words: order.created, workflow.run-2.finished.
var eventTypePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

const maxEventType = 128

// CheckEventType says whether the text is an event's type: words of letters, digits, _ and -, joined by dots, of at most
// 128 characters.
func CheckEventType(text string) bool {
	return len(text) <= maxEventType && eventTypePattern.MatchString(text)
}

// CheckSubscription says whether the text is an entry of an endpoint's subscriptions: an exact event type, prefix.*, or *.
func CheckSubscription(text string) bool {
	return text == "*" || CheckEventType(strings.TrimSuffix(text, ".*"))
}

// Subscribes says whether subscriptions take an event type. None at all take every type.
func Subscribes(subscriptions []string, eventType string) bool {
	for _, entry := range subscriptions {
		prefix, wild := strings.CutSuffix(entry, "*")
		if entry == eventType || wild && strings.HasPrefix(eventType, prefix) {
			return true
		}
	}
	return len(subscriptions) == 0
}
