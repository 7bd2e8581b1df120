// Package reference serves the API reference, a page to read and to try the API on: Swagger UI over our own OpenAPI document.
//
// Everything comes out of this program and the page may ask nobody else: Swagger UI's script and style are embedded in a Go
// module, and the page around them is our own, since Swagger UI's usual one starts itself by an inline script.
package reference

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

// Path is where the page is served.
const Path = "/docs"

// policy lets the page load and ask for what is this server's own, and nothing run that is written into the page. Swagger UI's
// style has its icons as data.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed page
var page embed.FS

type file struct {
	contentType string
	content     []byte
}

var files = sync.OnceValues(func() (map[string]file, error) {
	all := map[string]file{}
	for name, source := range map[string]struct {
		contentType string
		read        func() ([]byte, error)
	}{
		"":                     {"text/html; charset=utf-8", ours("index.html")},
		"init.js":              {"text/javascript; charset=utf-8", ours("init.js")},
		"samples.js":           {"text/javascript; charset=utf-8", ours("samples.js")},
		"swagger-ui-bundle.js": {"text/javascript; charset=utf-8", theirs("swagger-ui-bundle.js.gz")},
		"swagger-ui.css":       {"text/css; charset=utf-8", theirs("swagger-ui.css.gz")},
		"favicon.png":          {"image/png", plain("favicon-32x32.png")},
	} {
		content, err := source.read()
		if err != nil {
			return nil, fmt.Errorf("read the embedded file %q of the API reference: %w", name, err)
		}
		all[name] = file{source.contentType, content}
	}
	return all, nil
})

func ours(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return page.ReadFile("page/" + name) }
}

func plain(name string) func() ([]byte, error) {
	return func() ([]byte, error) { return static.FS.ReadFile(name) }
}

// theirs is a file that Swagger UI's module has compressed alone.
func theirs(name string) func() ([]byte, error) {
	return func() ([]byte, error) {
		compressed, err := static.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(compressed))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(unpacked)
	}
}

// Serve answers with the file of that name, the page itself if it is empty, and reports whether there is one. It is unpacked on
// the first call only.
func Serve(w http.ResponseWriter, name string) (found bool, err error) {
	all, err := files()
	if err != nil {
		return false, err
	}
	f, found := all[name]
	if !found {
		return false, nil
	}
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(f.content) // what fails here is the connection: there is nobody left to tell
	return true, nil
}
