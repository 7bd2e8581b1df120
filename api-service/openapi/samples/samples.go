// Package samples writes a call of an operation down in several languages, from what the OpenAPI document says of it: its path
// with a placeholder for each ID, and the first example of its body. Nothing beside the language's own library is needed to run one.
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

// Sample is an entry of x-codeSamples, which is what API references show beside an operation.
type Sample struct {
	Lang, Label, Source string
}

// Call is what a sample does.
type Call struct {
	Method, Path string
	// Body is JSON, empty where there is nothing to say.
	Body string
	// Public: no API key is sent.
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

// Of returns the call in every language.
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

// goQuoted is a raw string where there can be one, for JSON is full of quotation marks.
func goQuoted(text string) string {
	if strconv.CanBackquote(strings.ReplaceAll(text, "\n", "")) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// scriptQuoted is JSON, which JavaScript reads as it is.
func scriptQuoted(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return string(quoted), err
}

// pythonQuoted is a raw string where there can be one.
func pythonQuoted(text string) (string, error) {
	if !strings.ContainsAny(text, `\'`) {
		return "'''" + text + "'''", nil
	}
	return scriptQuoted(text) // what JSON escapes, Python reads likewise
}
