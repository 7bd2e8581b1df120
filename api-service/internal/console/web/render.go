package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"time"
)

//go:embed templates
var templates embed.FS

// layout is the frame of every page. It is cloned for each of them.
var layout = template.Must(template.New("layout.html").Funcs(functions).ParseFS(templates, "templates/layout.html", "templates/parts.html"))

// Template is one page: the layout with the page's content. It is safe for concurrent use.
type Template struct {
	parsed *template.Template
	// bySite has the page with the functions of each site. A process has one site.
	bySite sync.Map
}

// of returns the page for a site.
func (t *Template) of(s *Site) (*template.Template, error) {
	if found, ok := t.bySite.Load(s); ok {
		return found.(*template.Template), nil //nolint:forcetypeassert // it holds nothing else
	}
	bound, err := t.parsed.Clone()
	if err != nil {
		return nil, err
	}
	bound.Funcs(template.FuncMap{"code": s.codePath})
	t.bySite.Store(s, bound)
	return bound, nil
}

// Parse returns the page in a file of a folder. The file defines the template "content". It panics if the file is wrong, since files are
// embedded.
func Parse(folder fs.FS, name string) *Template {
	return &Template{parsed: template.Must(template.Must(layout.Clone()).ParseFS(folder, name))}
}

var problemPage = Parse(templates, "templates/problem.html")

// Frame is what the layout shows around a page. Templates have it as $.
type Frame struct {
	*Request
	Title string
	// Page is what the page itself shows.
	Page any
	// Now is the time of the answer.
	Now   time.Time
	Flash Flash
}

// contentType is that of every page.
const contentType = "text/html; charset=utf-8"

// Render writes a page.
func (q *Request) Render(status int, page *Template, title string, data any) error {
	var text bytes.Buffer
	frame := Frame{Request: q, Title: title, Page: data, Now: time.Now().UTC(), Flash: q.flash}
	bound, err := page.of(q.Site)
	if err != nil {
		return err
	}
	if err := bound.Execute(&text, frame); err != nil {
		return fmt.Errorf("render the page %q: %w", title, err)
	}
	header := q.W.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(text.Len()))
	q.W.WriteHeader(status)
	_, _ = q.W.Write(text.Bytes()) // an error means that the connection is gone
	return nil
}

// Show is Render with the status 200.
func (q *Request) Show(page *Template, title string, data any) error {
	return q.Render(http.StatusOK, page, title, data)
}

// Section returns which entry of the navigation the page belongs to.
func (f Frame) Section() string {
	return sectionOf(f.R.URL.Path, f.Organization.ID)
}

// In returns the page data together with a value, for a part of a template that needs the frame too.
func (f Frame) In(value any) Part { return Part{f, value} }

// Part is a value with the frame around it.
type Part struct {
	Frame
	It any
}

// Home returns the path of the page that the session begins with.
func (q *Request) Home() string {
	switch {
	case !q.Session.Known():
		return q.Site.Path("login")
	case q.Site.Open && q.Site.Home != "":
		return q.Site.Path("o", q.Site.Home, "overview")
	case q.Session.Operator():
		return q.Site.Path("operator")
	}
	return q.Site.Path("o", q.Session.Organization.ID, "overview")
}
