package webtest

import "encoding/json"

// Hostile is a text with markup, quotation marks, a line break and a template's braces. Every page shows it as text.
const Hostile = "<script>alert(1)</script>\"'&amp;`\n</textarea></title>{{.}} javascript:alert(1)"

// JSON returns the value as JSON.
func JSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // tests encode maps and texts
	}
	return string(text)
}
