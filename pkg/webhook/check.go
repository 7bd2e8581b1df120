package webhook

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// check collects everything that is wrong with a request, so that one answer reports it.
type check struct {
	details []Detail
}

func (c *check) add(reason, field, message string) {
	c.details = append(c.details, Detail{Reason: reason, Field: field, Message: message})
}

// text refuses text that is too long, invalid UTF-8 or has control characters. Databases and logs cannot hold such text.
func (c *check) text(field, value string, limit int) {
	switch {
	case utf8.RuneCountInString(value) > limit:
		c.add("too_long", field, fmt.Sprintf("%s must not be longer than %d characters", field, limit))
	case !utf8.ValidString(value):
		c.add("invalid_text", field, field+" must be valid UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		c.add("invalid_text", field, field+" must not contain control characters")
	}
}

func (c *check) required(field, value string, limit int) {
	if strings.TrimSpace(value) == "" {
		c.add("required", field, field+" is required and must not be empty")
		return
	}
	c.text(field, value, limit)
}

func (c *check) err() error {
	if len(c.details) == 0 {
		return nil
	}
	return InvalidAll(c.details)
}
