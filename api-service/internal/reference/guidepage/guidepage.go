// Package guidepage renders the guides of pkg/guides as HTML pages: one for each guide, and an index.
//
// The pages have no script and no inline style, so that the policy of the API reference applies to them too. Raw HTML in a guide is dropped.
// Links between guides lead to the served pages. A link to a file of the repository that is not served is replaced by the name of the file.
package guidepage

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"redrive/pkg/guides"
)

//go:embed page.html
var layout string

var page = template.Must(template.New("page").Parse(layout))

// view is the data of the layout.
type view struct {
	Title string
	// Name is the name of the guide. It is empty on the index.
	Name string
	Body template.HTML
	All  []entry
	// Reference and Guides are addresses.
	Reference, Guides string
}

// entry is a guide in the navigation.
type entry struct{ Name, Title, About string }

// Render returns the pages by name. The name of the index is empty. reference is the address of the API reference and ends with a slash. The
// guides are below it, in Folder.
func Render(reference string) (map[string][]byte, error) {
	addresses := addresses{reference: reference, guides: reference + Folder + "/"}
	var all []entry
	var bodies []rendered
	for _, guide := range guides.All() {
		source, err := guide.Markdown()
		if err != nil {
			return nil, fmt.Errorf("read the guide %s: %w", guide.Name, err)
		}
		body, err := addresses.render(source)
		if err != nil {
			return nil, fmt.Errorf("render the guide %s: %w", guide.Name, err)
		}
		bodies = append(bodies, body)
		all = append(all, entry{guide.Name, body.title, guide.About})
	}
	pages := map[string][]byte{}
	base := view{Title: "Guides", All: all, Reference: reference, Guides: addresses.guides}
	for i, body := range bodies {
		v := base
		v.Title, v.Name, v.Body = body.title, all[i].Name, body.html
		if err := v.into(pages); err != nil {
			return nil, err
		}
	}
	return pages, base.into(pages)
}

// Folder is the last part of the guides' address.
const Folder = "guides"

func (v view) into(pages map[string][]byte) error {
	var text bytes.Buffer
	if err := page.Execute(&text, v); err != nil {
		return fmt.Errorf("lay out the guide %q: %w", v.Name, err)
	}
	pages[v.Name] = text.Bytes()
	return nil
}
