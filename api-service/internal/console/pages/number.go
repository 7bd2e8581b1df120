package pages

import "strconv"

// Number returns a form's number as a value for JSON. A text that is no whole number stays a text, so that the API refuses it by the name of
// its field.
func Number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}
