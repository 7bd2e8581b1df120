package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/guides"
)

var links = regexp.MustCompile(`\]\(([^)]+)\)`)

func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(p.prose) {
		if title, isHeading := headingOf(line); isHeading {
			all[guides.Anchor(title)] = true
		}
	}
	return all
}

func TestPagesLinksResolve(t *testing.T) {
	checked := 0
	for _, p := range pages(t) {
		for _, match := range links.FindAllStringSubmatch(p.prose, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			checked++
			file, fragment, _ := strings.Cut(match[1], "#")
			target := p.path
			if file != "" {
				target = filepath.Join(filepath.Dir(p.path), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); !assert.NoError(t, err, "%s links to %s", p.path, match[1]) {
				continue
			}
			if fragment != "" {
				assert.True(t, read(t, target).anchors()[fragment], "%s links to %s: there is no such heading", p.path, match[1])
			}
		}
	}
	assert.Greater(t, checked, 20)
}

// TestReadmeLinksEveryPage requires a link in the README to each page of the documentation. The decision records are linked
// from the page about the architecture.
func TestReadmeLinksEveryPage(t *testing.T) {
	readme, architecture := read(t, "README.md").prose, read(t, "deploy/docs/architecture.md").prose
	for _, p := range pages(t) {
		switch {
		case filepath.Dir(p.path) == decisions:
			assert.True(t, strings.Contains(architecture, "(decisions/"+filepath.Base(p.path)+")"), "architecture.md does not link to %s", p.path)
		case isDocumentation(p.path):
			assert.True(t, strings.Contains(readme, "("+p.path+")"), "README.md does not link to %s", p.path)
		}
	}
}
