// Package guides embeds the guides for users of the product, written in Markdown. The API service serves them beside its reference;
// the tests in deploy/docs hold them against the code.
package guides

import "embed"

// Files holds one Markdown file for each guide, without folders.
//
//go:embed *.md
var Files embed.FS
