// Package reference serves the documentation for users: the API reference, a page to read and to try the API on, which is Swagger UI
// over our own OpenAPI document, and the guides beside it.
//
// Every file is part of this program, and no page may load anything from another host. Swagger UI's script and style are embedded in
// a Go module. The page around them is our own, since Swagger UI's usual one starts itself by an inline script.
package reference

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"sync"

	"github.com/swaggest/swgui/v5/static"

	"redrive/api-service/internal/reference/guidepage"
)

// Path is where the API reference is served, and the guides below it.
const Path = "/docs"

// policy lets a page load and call what is this server's own, and runs nothing that is written into the page. Swagger UI's style has
// its icons as data.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed page
var own embed.FS

const (
	html   = "text/html"
	script = "text/javascript"
	style  = "text/css"
)

// files are all that is served, by the path below Path. They are made on the first call only.
var files = sync.OnceValues(func() (map[string]file, error) {
	all := map[string]file{}
	for _, add := range []func(map[string]file) error{addOwn, addSwagger, addGuides} {
		if err := add(all); err != nil {
			return nil, err
		}
	}
	return all, nil
})

// addOwn adds the page of the API reference and what it loads.
func addOwn(all map[string]file) error {
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
		if all[name], err = text(contentType, content); err != nil {
			return fmt.Errorf("compress the embedded file %q: %w", name, err)
		}
	}
	return nil
}

// addSwagger adds the files of Swagger UI, which its module has in compressed form.
func addSwagger(all map[string]file) error {
	for name, contentType := range map[string]string{"swagger-ui-bundle.js": script, "swagger-ui.css": style} {
		packed, err := static.FS.ReadFile(name + ".gz")
		if err != nil {
			return fmt.Errorf("read Swagger UI's file %q: %w", name, err)
		}
		if all[name], err = unpacked(contentType, packed); err != nil {
			return fmt.Errorf("unpack Swagger UI's file %q: %w", name, err)
		}
	}
	icon, err := static.FS.ReadFile("favicon-32x32.png")
	all["favicon.png"] = newFile("image/png", icon, nil)
	return err
}

// addGuides adds a page for each guide, and their index.
func addGuides(all map[string]file) error {
	pages, err := guidepage.Render(Path + "/")
	if err != nil {
		return err
	}
	for name, content := range pages {
		if all[guidepage.Folder+"/"+name], err = text(html, content); err != nil {
			return fmt.Errorf("compress the guide %q: %w", name, err)
		}
	}
	return nil
}

// Serve answers with the file of that name, the API reference if it is empty, and reports whether there is one. A name that only
// lacks the slash at its end is redirected.
func Serve(w http.ResponseWriter, r *http.Request, name string) (found bool, err error) {
	all, err := files()
	if err != nil {
		return false, err
	}
	if f, found := all[name]; found {
		f.serve(w, r)
		return true, nil
	}
	if _, found := all[name+"/"]; found && name != "" {
		http.Redirect(w, r, path.Join(Path, name)+"/", http.StatusPermanentRedirect)
		return true, nil
	}
	return false, nil
}
