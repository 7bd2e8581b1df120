// Package guides embeds the guides for users, which are Markdown. The API service serves them beside its reference. The tests in deploy/docs
// compare them with the code.
package guides

import "embed"

// Folder is the folder of the guides in the repository. Relative links in a guide are relative to it.
const Folder = "pkg/guides"

//go:embed *.md
var files embed.FS

// Guide is one page.
type Guide struct {
	// Name is the name of the file without ".md".
	Name string
	// About is a short description of the page.
	About string
}

// All returns the guides in the order in which they are read. README.md and the page of the API reference link each of them.
func All() []Guide {
	return []Guide{
		{"quick-start", "on a laptop, then for real"},
		{"concepts", "the terms, and what a receiver gets"},
		{"for-a-platform", "one key for thousands of customers: organizations, limits, deletion"},
		{"console", "the pages in a browser: signing in, addresses, links for customers, frames, the operator's page"},
		{"publishing-safely", "idempotency keys: how to send a request again without a second effect"},
		{"changing-endpoints", "change an endpoint, and see who changed it"},
		{"answering-a-customer", "from the ID of a run to the reason: search, event, explanation"},
		{"codes", "every code of deliveries and attempts, and what the customer can do"},
		{"what-an-endpoint-missed", "find the events that a disabled or a new endpoint did not get, and send them"},
		{"bringing-back-an-outage", "retry everything that failed while a receiver was down: plan, start, watch"},
		{"operational-events", "learn of failing and disabled endpoints, and how they are disabled"},
		{"moving-here", "keep receivers of another system working: payload and signatureHeader"},
		{"guarantees", "what is promised, what is not, and what happens when something dies"},
		{"verifying-signatures", "in JavaScript, Python, Go and a shell"},
		{"operations", "for operators: runbook, metrics, alerts, log, upgrading, backup"},
		{"capacity", "what 10, 100 and 1,000 million deliveries a day need, and what to change at each step"},
	}
}

// Markdown returns the text of the guide.
func (g Guide) Markdown() ([]byte, error) { return files.ReadFile(g.Name + ".md") }
