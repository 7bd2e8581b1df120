package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the top of the repository.
const root = "../.."

// page is a Markdown file.
type page struct {
	// path is relative to root.
	path string
	text string
	// prose is the text without its fenced blocks.
	prose  string
	blocks []block
}

// block is a fenced block with its language.
type block struct {
	language, text string
	// heading is the nearest heading above it.
	heading string
}

// decisions has the decision records.
const decisions = "deploy/docs/decisions"

// folders hold the documentation: the guides for users, the pages of this folder, and the decision records.
var folders = []string{"pkg/guides", "deploy/docs", decisions}

// isDocumentation reports whether a page is in one of folders.
func isDocumentation(path string) bool { return slices.Contains(folders, filepath.Dir(path)) }

// pages returns the pages of all folders, the README, CONTRIBUTING and SECURITY.
func pages(t *testing.T) []page {
	t.Helper()
	all := []page{read(t, "README.md"), read(t, ".github/CONTRIBUTING.md"), read(t, ".github/SECURITY.md")}
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join(root, folder, "*.md"))
		require.NoError(t, err)
		require.NotEmpty(t, names, folder)
		for _, name := range names {
			all = append(all, read(t, filepath.Join(folder, filepath.Base(name))))
		}
	}
	return all
}

func read(t *testing.T, path string) page {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	p := page{path: path, text: string(content)}
	var prose, fenced strings.Builder
	var open, heading string
	for line := range strings.Lines(p.text) {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == "":
			open = "```" + strings.TrimSpace(fence)
		case isFence:
			p.blocks = append(p.blocks, block{strings.TrimPrefix(open, "```"), fenced.String(), heading})
			fenced.Reset()
			open = ""
		case open != "":
			fenced.WriteString(line)
		default:
			if title, isHeading := headingOf(line); isHeading {
				heading = title
			}
			prose.WriteString(line)
		}
	}
	require.Empty(t, open, "%s: a fenced block has no end", path)
	p.prose = prose.String()
	return p
}

var hashes = regexp.MustCompile(`^#{1,6} (.+)`)

func headingOf(line string) (title string, isHeading bool) {
	match := hashes.FindStringSubmatch(line)
	if match == nil {
		return "", false
	}
	return strings.TrimSpace(match[1]), true
}

// in returns the page's only block of a language.
func (p page) in(t *testing.T, language string) string {
	t.Helper()
	var found []string
	for _, b := range p.blocks {
		if b.language == language {
			found = append(found, b.text)
		}
	}
	require.Len(t, found, 1, "%s: blocks of %s", p.path, language)
	return found[0]
}
