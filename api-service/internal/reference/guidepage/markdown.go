package guidepage

import (
	"bytes"
	"errors"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// rendered is a guide without the layout.
type rendered struct {
	title string
	html  template.HTML
}

// render converts a guide to HTML. It returns an error if the first heading is not of level 1.
func (a addresses) render(source []byte) (rendered, error) {
	markdown := goldmark.New(
		// Cells are aligned by an attribute: the default is an inline style, which the policy refuses.
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(anchors{}, 500), util.Prioritized(a, 600))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 100))),
	)
	document := markdown.Parser().Parse(text.NewReader(source))
	first, ok := document.FirstChild().(*ast.Heading)
	if !ok || first.Level != 1 {
		return rendered{}, errors.New("a guide begins with a heading of level 1")
	}
	var html bytes.Buffer
	if err := markdown.Renderer().Render(&html, source, document); err != nil {
		return rendered{}, err
	}
	// Goldmark has escaped all text, and the guides are part of this program.
	return rendered{title: textOf(first, source), html: template.HTML(html.String())}, nil //nolint:gosec // see above
}

// textOf returns the text inside a node without markup.
func textOf(node ast.Node, source []byte) string {
	var all []byte
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			all = append(all, t.Value(source)...)
		}
		return ast.WalkContinue, nil
	})
	return string(all)
}
