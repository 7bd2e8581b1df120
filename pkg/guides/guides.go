// Package guides embeds the guides for users of the product, written in Markdown. The API service serves them beside its reference;
// the tests in deploy/docs hold them against the code.
package guides

import "embed"

// Folder is where the guides are in the repository. Relative links in a guide start there.
const Folder = "pkg/guides"

//go:embed *.md
var files embed.FS

// Guide is one page.
type Guide struct {
	// Name is that of its file without ".md".
	Name string
	// About says in a few words what is on it.
	About string
}

// All returns the guides in the order in which they are read.
func All() []Guide {
	return []Guide{
		{"quick-start", "on a laptop, then for real"},
		{"concepts", "the terms, and what a receiver gets"},
		{"guarantees", "what is promised, what is not, and what happens when something dies"},
		{"verifying-signatures", "in JavaScript, Python, Go and a shell"},
		{"operations", "for operators: runbook, metrics, alerts, log, upgrading, backup"},
	}
}

// Markdown returns the text of the guide.
func (g Guide) Markdown() ([]byte, error) { return files.ReadFile(g.Name + ".md") }
