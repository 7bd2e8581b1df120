package endpoints

import (
	"slices"
	"strings"
	"time"

	"redrive/api-service/internal/console/resource"
	"redrive/pkg/guides"
)

// secretView is the only page that shows a signing secret: the answer to the form that made it.
type secretView struct {
	Endpoint resource.Endpoint
	Secret   string
	// Repeated says that the same form was sent before and had its effect then.
	Repeated bool
	// Rotated says that the secret replaces another one, and OldUntil how long the other one signs. It is zero if it has ended at once.
	Rotated  bool
	OldUntil time.Time
	Snippets []snippet
}

// snippet is a function that verifies a signature.
type snippet struct{ Language, Code string }

// languages are the headings of the guide's functions that the page shows.
var languages = []string{"Go", "JavaScript (Node)", "Python"}

// snippets are the functions of the guide about signatures, whose tests run them.
var snippets = readSnippets(languages)

// readSnippets returns the first block of code below each heading of the guide.
func readSnippets(headings []string) []snippet {
	all := guides.All()
	at := slices.IndexFunc(all, func(g guides.Guide) bool { return g.Name == "verifying-signatures" })
	markdown, err := all[at].Markdown()
	if err != nil {
		panic(err) // the file is embedded
	}
	var found []snippet
	for _, heading := range headings {
		_, below, _ := strings.Cut(string(markdown), "\n## "+heading+"\n")
		_, block, _ := strings.Cut(below, "\n```")
		_, code, _ := strings.Cut(block, "\n") // the language is behind the fence
		code, _, closed := strings.Cut(code, "\n```")
		if closed {
			found = append(found, snippet{heading, code})
		}
	}
	return found
}
