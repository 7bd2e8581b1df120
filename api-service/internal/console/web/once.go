package web

import "crypto/rand"

// onceField is the form field with the idempotency key of a form.
const onceField = "once"

// Once returns the idempotency key for a form of the page. A form that is submitted twice then has its effect once. A form that was refused is
// shown again with its own key: its first submission may still be in progress, and would otherwise have its effect beside that of the second.
func (f Frame) Once() string {
	if key := f.Form(onceField); key != "" && !f.spent {
		return key
	}
	return "console-" + rand.Text()
}
