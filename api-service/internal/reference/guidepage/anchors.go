package guidepage

import (
	"fmt"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"redrive/pkg/guides"
)

// anchors gives every heading the ID that GitHub gives to it, so that a link to it works on GitHub and on the served page.
type anchors struct{}

// Transform implements parser.ASTTransformer.
func (anchors) Transform(document *ast.Document, reader text.Reader, _ parser.Context) {
	used := map[string]int{}
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if heading, ok := n.(*ast.Heading); ok && entering {
			id := guides.Anchor(textOf(heading, reader.Source()))
			used[id]++
			if count := used[id]; count > 1 {
				id = fmt.Sprintf("%s-%d", id, count-1)
			}
			heading.SetAttributeString("id", []byte(id))
		}
		return ast.WalkContinue, nil
	})
}
