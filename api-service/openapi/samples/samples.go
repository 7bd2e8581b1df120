// Package samples generates code samples of API calls in several languages from the OpenAPI document. A sample has a placeholder for each ID
// in the path and the first example of the body. It needs only the standard library of its language.
package samples

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

// Sample is an entry of x-codeSamples, which API references show beside an operation.
type Sample struct {
	Lang, Label, Source string
}

// Call is the call of a sample.
type Call struct {
	Method, Path string
	// Body is JSON. It is empty if the call has no body.
	Body string
	// Public is true if the call needs no API key.
	Public bool
}

//go:embed templates
var folder embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"shell":  shellQuoted,
	"golang": goQuoted,
	"script": scriptQuoted,
	"python": pythonQuoted,
}).ParseFS(folder, "templates/*"))

var languages = []struct{ lang, label, template string }{
	{"Shell", "curl", "curl.tmpl"},
	{"JavaScript", "JavaScript", "javascript.tmpl"},
	{"Python", "Python", "python.tmpl"},
	{"Go", "Go", "go.tmpl"},
}

// Of returns the samples of a call in all languages.
func Of(call Call) ([]Sample, error) {
	list := make([]Sample, len(languages))
	for i, l := range languages {
		var source bytes.Buffer
		if err := templates.ExecuteTemplate(&source, l.template, call); err != nil {
			return nil, fmt.Errorf("write %s %s in %s: %w", call.Method, call.Path, l.label, err)
		}
		list[i] = Sample{Lang: l.lang, Label: l.label, Source: source.String()}
	}
	return list, nil
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// goQuoted returns a raw string if possible, because JSON has many quotation marks.
func goQuoted(text string) string {
	if strconv.CanBackquote(strings.ReplaceAll(text, "\n", "")) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// scriptQuoted returns a JSON string, which is a JavaScript string too.
func scriptQuoted(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return string(quoted), err
}

// pythonQuoted returns a raw string if possible.
func pythonQuoted(text string) (string, error) {
	if !strings.ContainsAny(text, `\'`) {
		return "'''" + text + "'''", nil
	}
	return scriptQuoted(text) // Python has the same escapes as JSON
}
