// Package reference serves the documentation for users: the API reference and the guides. The API reference is Swagger UI with the OpenAPI
// document.
//
// All files are embedded in the program, and no page loads anything from another host. Swagger UI's script and style come from a Go module.
// The page around them is part of this package, because Swagger UI's own page needs an inline script.
package reference

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"sync"

	swagger "github.com/swaggest/swgui/v5/static"

	"redrive/api-service/internal/reference/guidepage"
	"redrive/api-service/internal/static"
)

// Path is the path of the API reference. The guides are below it.
const Path = "/docs"

// policy allows a page to load from and call this server only, and no inline scripts. Swagger UI's style has its icons as data URLs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed page
var own embed.FS

const (
	html   = "text/html; charset=utf-8"
	script = "text/javascript; charset=utf-8"
	style  = "text/css; charset=utf-8"
)

// files returns all files by their path below Path. The first call generates them.
var files = sync.OnceValues(func() (map[string]static.File, error) {
	all := map[string]static.File{}
	for _, add := range []func(map[string]static.File) error{addOwn, addSwagger, addGuides} {
		if err := add(all); err != nil {
			return nil, err
		}
	}
	return all, nil
})

// addOwn adds the page of the API reference and its own files.
func addOwn(all map[string]static.File) error {
	for name, contentType := range map[string]string{
		"index.html": html, "init.js": script, "samples.js": script, "errors.js": script, "labels.js": script, "reference.css": style, "guides.css": style,
	} {
		content, err := own.ReadFile("page/" + name)
		if err != nil {
			return fmt.Errorf("read the embedded file %q: %w", name, err)
		}
		if name == "index.html" {
			name = ""
		}
		if all[name], err = static.Packed(contentType, content); err != nil {
			return fmt.Errorf("compress the embedded file %q: %w", name, err)
		}
	}
	return nil
}

// addSwagger adds the files of Swagger UI, which are compressed in its module.
func addSwagger(all map[string]static.File) error {
	for name, contentType := range map[string]string{"swagger-ui-bundle.js": script, "swagger-ui.css": style} {
		packed, err := swagger.FS.ReadFile(name + ".gz")
		if err != nil {
			return fmt.Errorf("read Swagger UI's file %q: %w", name, err)
		}
		if all[name], err = static.Unpacked(contentType, packed); err != nil {
			return fmt.Errorf("unpack Swagger UI's file %q: %w", name, err)
		}
	}
	icon, err := swagger.FS.ReadFile("favicon-32x32.png")
	all["favicon.png"] = static.New("image/png", icon)
	return err
}

// addGuides adds a page for each guide, and the index.
func addGuides(all map[string]static.File) error {
	pages, err := guidepage.Render(Path + "/")
	if err != nil {
		return err
	}
	for name, content := range pages {
		if all[guidepage.Folder+"/"+name], err = static.Packed(html, content); err != nil {
			return fmt.Errorf("compress the guide %q: %w", name, err)
		}
	}
	return nil
}

// Serve answers with the file of the name and reports whether there is one. The empty name is the API reference. A name that lacks only the
// slash at its end is redirected.
func Serve(w http.ResponseWriter, r *http.Request, name string) (found bool, err error) {
	all, err := files()
	if err != nil {
		return false, err
	}
	if f, found := all[name]; found {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-cache") // a browser revalidates with the ETag
		f.Serve(w, r)
		return true, nil
	}
	if _, found := all[name+"/"]; found && name != "" {
		http.Redirect(w, r, path.Join(Path, name)+"/", http.StatusPermanentRedirect)
		return true, nil
	}
	return false, nil
}
