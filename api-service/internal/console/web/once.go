package web

import "crypto/rand"

// onceField is the form field with the idempotency key of a form.
const onceField = "once"

// Once returns a new idempotency key for a form. A form that is submitted twice then has its effect once.
func (f Frame) Once() string { return "console-" + rand.Text() }
