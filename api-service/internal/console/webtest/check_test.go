package webtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFindings(t *testing.T) {
	for body, want := range map[string]string{
		"<h1>a</h1>": "",

		"<h1>a</h1><label for=\"x\">b</label><input id=\"x\" name=\"y\" required>":     "",
		"<h1>a</h1><input type=\"hidden\" name=\"y\"><label><select></select></label>": "",
		"<h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2>":                                     "",
		"<h1>a</h1><script src=\"a.js\" defer></script>":                               "",

		"<h2>a</h2>":           "the heading \"a\" is an h2 after an h0",
		"<h1>a</h1><h1>b</h1>": "the page has 2 headings of the first level",
		"<h1>a</h1><h3>b</h3>": "the heading \"b\" is an h3 after an h1",

		"<h1>a</h1><p id=\"x\"></p><p id=\"x\"></p>":                             "two elements have the id x",
		"<h1>a</h1><p style=\"x\"></p>":                                          "p has a style of its own",
		"<h1>a</h1><p onclick=\"x\"></p>":                                        "p has a script in onclick",
		"<h1>a</h1><section aria-labelledby=\"x\"></section>":                    "section has aria-labelledby=\"x\", and nothing has that id",
		"<h1>a</h1><script>alert(1)</script>":                                    "the page has a script of its own: alert(1)",
		"<h1>a</h1><th>b</th>":                                                   "the head \"b\" of a table has no scope",
		"<h1>a</h1><progress></progress>":                                        "a progress bar has no name",
		"<h1>a</h1><button> </button>":                                           "button has no name: map[]",
		"<h1>a</h1><textarea name=\"y\"></textarea>":                             "the field \"y\" has no label",
		"<h1>a</h1><label for=\"z\">b</label><b id=\"z\"></b><input name=\"y\">": "the field \"y\" has no label",
	} {
		p := &Page{t: t, Body: "<!DOCTYPE html><html><body><main>" + body + "</main></body></html>"}
		p.parse()
		if want == "" {
			assert.Empty(t, p.findings(), body)
			continue
		}
		assert.Contains(t, p.findings(), want, body)
	}
}

func TestPageReadsForm(t *testing.T) {
	p := &Page{t: t, Body: `<html><body><form method="post" action="/outside"></form><main><form method="post" action="/a"><input name="i" value="1&lt;">` +
		"<textarea name=\"t\">\n\nb\n</textarea>" + `<select name="s"><option value="">Any</option><option selected>x</option></select><select name="u"><option value="v">w</option></select>` +
		`<input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked><input type="checkbox" name="c" value="3"></form><form action="/b"></form></main></body></html>`}
	p.parse()
	for field, value := range map[string]string{"i": "1<", "t": "\nb\n", "s": "x", "u": "v", "r": "2", "c": "", "unknown": ""} {
		assert.Equal(t, value, p.Value(field), field)
	}
	assert.Equal(t, []string{"/a"}, p.Forms())
	assert.True(t, p.Has("form", "action", "/b"))
	assert.False(t, p.Has("form", "action", "/c"))
}
