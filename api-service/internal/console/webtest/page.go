package webtest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Page is an answer of the console.
type Page struct {
	Status   int
	Header   http.Header
	Location string
	// Body is the text of the answer as it was sent.
	Body string
	// Flash is what the next page says, with its kind.
	Flash, FlashKind string

	t     *testing.T
	nodes []*node
}

// node is an element of the page.
type node struct {
	name       string
	attributes map[string]string
	text       strings.Builder
	parent     *node
}

func newPage(t *testing.T, w *httptest.ResponseRecorder) *Page {
	t.Helper()
	p := &Page{Status: w.Code, Header: w.Header(), Location: w.Header().Get("Location"), Body: w.Body.String(), t: t}
	for _, cookie := range (&http.Response{Header: w.Header()}).Cookies() {
		if cookie.Name == "redrive-flash" {
			p.readFlash(cookie.Value)
		}
	}
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") && w.Code != http.StatusSeeOther {
		p.parse()
		for _, finding := range p.findings() {
			t.Errorf("%s\n%s", finding, p.Body)
		}
	}
	return p
}

func (p *Page) readFlash(value string) {
	p.t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(value)
	var flash struct{ K, T string }
	if err == nil {
		err = json.Unmarshal(text, &flash)
	}
	if err != nil {
		p.t.Fatalf("the flash %q: %v", value, err)
	}
	p.Flash, p.FlashKind = flash.T, flash.K
}

// parse reads the elements of the page. The text of an element is also that of the elements around it. The test ends if an element ends that
// has not begun.
func (p *Page) parse() {
	p.t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(p.Body, "<!DOCTYPE html>")))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open *node
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.t.Fatalf("parse the page: %v\n%s", err, p.Body)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = p.begin(open, token)
		case xml.EndElement:
			open = open.parent // the decoder returns an end for every beginning
		case xml.CharData:
			for around := open; around != nil; around = around.parent {
				around.text.Write(token)
			}
		}
	}
}

func (p *Page) begin(parent *node, e xml.StartElement) *node {
	n := &node{name: e.Name.Local, attributes: map[string]string{}, parent: parent}
	for _, a := range e.Attr {
		n.attributes[a.Name.Local] = a.Value
	}
	p.nodes = append(p.nodes, n)
	if slices.Contains(blocks, n.name) {
		for around := parent; around != nil; around = around.parent {
			around.text.WriteByte(' ')
		}
	}
	return n
}

// blocks are elements whose text does not join that before them.
var blocks = []string{"dt", "dd", "td", "th", "li", "p", "pre", "button", "h3", "option", "summary", "br"}

// Text returns the text of the page's content as a reader sees it, with one space between words.
func (p *Page) Text() string { return p.TextOf("main") }

// TextOf returns the text of the first element with a name, with one space between words.
func (p *Page) TextOf(name string) string {
	if n := p.first(func(n *node) bool { return n.name == name }); n != nil {
		return strings.Join(strings.Fields(n.text.String()), " ")
	}
	return ""
}

// Exact returns the text of each element with a name, without changes.
func (p *Page) Exact(name string) []string {
	var texts []string
	for _, n := range p.nodes {
		if n.name == name {
			texts = append(texts, n.text.String())
		}
	}
	return texts
}

// Value returns the value of the first field with a name: of an input, a text area, or the choice of a select.
func (p *Page) Value(field string) string {
	n := p.first(func(n *node) bool {
		return slices.Contains(fields, n.name) && n.attributes["name"] == field && !unchecked(n)
	})
	switch {
	case n == nil:
		return ""
	case n.name == "textarea":
		return strings.TrimPrefix(n.text.String(), "\n") // as browsers do
	case n.name == "select":
		return p.chosen(n)
	}
	return n.attributes["value"]
}

// Has reports whether the page has an element with a name whose attribute has a value.
func (p *Page) Has(name, attribute, value string) bool {
	return p.first(func(n *node) bool { return n.name == name && n.attributes[attribute] == value }) != nil
}

// Forms returns the targets of the forms in the page's content that are sent with POST.
func (p *Page) Forms() []string {
	var targets []string
	for _, n := range p.nodes {
		if n.name == "form" && n.attributes["method"] == "post" && n.inside("main") {
			targets = append(targets, n.attributes["action"])
		}
	}
	return targets
}

var fields = []string{"input", "select", "textarea"}

func unchecked(n *node) bool {
	_, checked := n.attributes["checked"]
	kind := n.attributes["type"]
	return (kind == "checkbox" || kind == "radio") && !checked
}

// chosen returns the value of the option of a select that is selected, or else of its first one.
func (p *Page) chosen(list *node) string {
	var first, selected *node
	for _, n := range p.nodes {
		if n.name != "option" || n.parent != list {
			continue
		}
		if first == nil {
			first = n
		}
		if _, is := n.attributes["selected"]; is {
			selected = n
		}
	}
	if selected == nil {
		selected = first
	}
	if selected == nil {
		return ""
	}
	if value, has := selected.attributes["value"]; has {
		return value
	}
	return selected.text.String()
}

func (p *Page) first(is func(*node) bool) *node {
	if i := slices.IndexFunc(p.nodes, is); i >= 0 {
		return p.nodes[i]
	}
	return nil
}

func (n *node) inside(name string) bool {
	for around := n.parent; around != nil; around = around.parent {
		if around.name == name {
			return true
		}
	}
	return false
}
