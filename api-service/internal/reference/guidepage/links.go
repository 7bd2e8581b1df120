package guidepage

import (
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"redrive/pkg/guides"
)

// document is the OpenAPI document in the repository. A link to it leads to the API reference.
const document = "api-service/openapi/openapi.yaml"

// addresses rewrites the links of a guide.
type addresses struct{ reference, guides string }

// Transform implements parser.ASTTransformer.
func (a addresses) Transform(root *ast.Document, _ text.Reader, _ parser.Context) {
	var links []*ast.Link
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			links = append(links, link)
		}
		return ast.WalkContinue, nil
	})
	for _, link := range links {
		a.rewrite(link)
	}
}

// rewrite rewrites a link to a file of the repository. It does not change other links.
func (a addresses) rewrite(link *ast.Link) {
	destination := string(link.Destination)
	if strings.Contains(destination, "://") || strings.HasPrefix(destination, "#") {
		return
	}
	file, fragment, hasFragment := strings.Cut(destination, "#")
	file = path.Join(guides.Folder, file)
	address, served := a.of(file)
	if !served {
		unlink(link, file)
		return
	}
	if hasFragment {
		address += "#" + fragment
	}
	link.Destination = []byte(address)
}

// of returns the address of a file of the repository, and whether it is served.
func (a addresses) of(file string) (address string, served bool) {
	if file == document {
		return a.reference, true
	}
	for _, guide := range guides.All() {
		if file == guides.Folder+"/"+guide.Name+".md" {
			return a.guides + guide.Name, true
		}
	}
	return "", false
}

// unlink replaces a link by its text and the name of the file.
func unlink(link *ast.Link, file string) {
	parent := link.Parent()
	for child := link.FirstChild(); child != nil; child = link.FirstChild() {
		parent.InsertBefore(parent, link, child)
	}
	parent.InsertBefore(parent, link, ast.NewString([]byte(" ("+file+" in the repository)")))
	parent.RemoveChild(parent, link)
}
