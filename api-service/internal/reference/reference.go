// Package reference serves the API reference, a page to read and to try the API on: Swagger UI over our own OpenAPI document.
//
// Everything comes out of this program and the page may ask nobody else: Swagger UI's script and style are embedded in a Go
// module, and the page around them is our own, since Swagger UI's usual one starts itself by an inline script.
package reference

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

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
	packed      []byte // by gzip, if Swagger UI's module has it so
	tag         string
}

var files = sync.OnceValues(func() (map[string]file, error) {
	all := map[string]file{}
	for name, source := range map[string]struct {
		contentType string
		read        func() (file, error)
	}{
		"":                     {"text/html; charset=utf-8", ours("index.html")},
		"init.js":              {"text/javascript; charset=utf-8", ours("init.js")},
		"samples.js":           {"text/javascript; charset=utf-8", ours("samples.js")},
		"swagger-ui-bundle.js": {"text/javascript; charset=utf-8", theirs("swagger-ui-bundle.js.gz")},
		"swagger-ui.css":       {"text/css; charset=utf-8", theirs("swagger-ui.css.gz")},
		"favicon.png":          {"image/png", plain(static.FS, "favicon-32x32.png")},
	} {
		f, err := source.read()
		if err != nil {
			return nil, fmt.Errorf("read the embedded file %q of the API reference: %w", name, err)
		}
		f.contentType, f.tag = source.contentType, fmt.Sprintf("%x", sha256.Sum256(f.content))
		all[name] = f
	}
	return all, nil
})

func ours(name string) func() (file, error) { return plain(page, "page/"+name) }

func plain(folder fs.FS, name string) func() (file, error) {
	return func() (file, error) {
		content, err := fs.ReadFile(folder, name)
		return file{content: content}, err
	}
}

// theirs is a file that Swagger UI's module has compressed alone.
func theirs(name string) func() (file, error) {
	return func() (file, error) {
		packed, err := static.FS.ReadFile(name)
		if err != nil {
			return file{}, err
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return file{}, err
		}
		content, err := io.ReadAll(unpacked)
		return file{content: content, packed: packed}, err
	}
}

// Serve answers with the file of that name, the page itself if it is empty, and reports whether there is one. It is unpacked on
// the first call only. A browser that has it already is told so.
func Serve(w http.ResponseWriter, r *http.Request, name string) (found bool, err error) {
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
	header.Set("Cache-Control", "no-cache") // it is asked for again every time, by its tag
	header.Set("Vary", "Accept-Encoding")
	content, tag := f.content, f.tag
	if f.packed != nil && takesGzip(r) {
		header.Set("Content-Encoding", "gzip")
		content, tag = f.packed, tag+"-gzip"
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	return true, nil
}

// takesGzip is content with those who say so without conditions, as browsers do.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return true
		}
	}
	return false
}
