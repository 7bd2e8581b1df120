package guidepage

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// blocks renders tables and fenced code into scrollable regions that can be focused with the keyboard, because they may be wider than the
// screen. A table without headings gets no heading row. Comments are left out, and other HTML is replaced by a comment that says so.
type blocks struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, code)
	r.Register(ast.KindHTMLBlock, rawHTML)
	r.Register(east.KindTable, table)
	r.Register(east.KindTableHeader, tableHeader)
}

func code(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, _ = w.WriteString(`<pre tabindex="0" role="region" aria-label="Code`)
	if language := node.(*ast.FencedCodeBlock).Language(source); language != nil {
		_, _ = w.WriteString(", ")
		_, _ = w.Write(util.EscapeHTML(language))
	}
	_, _ = w.WriteString(`"><code>`)
	_, _ = w.Write(util.EscapeHTML(node.Lines().Value(source)))
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkContinue, nil
}

func rawHTML(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if comment := node.(*ast.HTMLBlock).HTMLBlockType == ast.HTMLBlockType2; entering && !comment {
		_, _ = w.WriteString("<!-- raw HTML omitted -->\n")
	}
	return ast.WalkContinue, nil
}

func table(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<div class="table" tabindex="0" role="region" aria-label="Table"><table>` + "\n")
	} else {
		_, _ = w.WriteString("</table></div>\n")
	}
	return ast.WalkContinue, nil
}

func tableHeader(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	isEmpty := len(bytes.TrimSpace([]byte(textOf(node, source)))) == 0
	switch {
	case entering && isEmpty:
		return ast.WalkSkipChildren, nil
	case entering:
		_, _ = w.WriteString("<thead><tr>\n")
	case isEmpty:
		_, _ = w.WriteString("<tbody>\n")
	default:
		_, _ = w.WriteString("</tr></thead>\n<tbody>\n")
	}
	return ast.WalkContinue, nil
}

var _ renderer.NodeRenderer = blocks{}
