package docs_test

import (
	"go/ast"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
	"golang.org/x/tools/go/types/typeutil"
)

const module = "redrive/"

// program is the code of both services, without that of the libraries they use: it says which functions run.
//
// A function is reached if a function that is reached calls it, or takes its value, as for a goroutine, a route or a callback. A call
// of an interface's method reaches that method of each type that reached code has put into an interface. So does putting a value into
// an interface of a library, whose methods the library calls.
type program struct {
	root      string
	functions map[named]bool // all declarations of functions and types; true for a function
	reached   map[named]bool

	ssa       *ssa.Program
	seen      map[*ssa.Function]bool
	pending   []*ssa.Function
	converted typeutil.Map
	invoked   map[*types.Func]*types.Interface
}

// loadServices reads both services and what they use of ours. Libraries are known by their types alone.
func loadServices(t *testing.T) *program {
	t.Helper()
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.LoadSyntax | packages.NeedModule, Dir: top, Context: t.Context(),
	}, module+"api-service/...", module+"dispatcher-service/...", module+"pkg/...")
	require.NoError(t, err)
	p := &program{
		root: top, functions: map[named]bool{}, reached: map[named]bool{}, seen: map[*ssa.Function]bool{},
		invoked: map[*types.Func]*types.Interface{},
	}
	for _, pkg := range loaded {
		require.Empty(t, pkg.Errors, pkg.PkgPath)
		p.declare(pkg)
	}
	var built []*ssa.Package
	p.ssa, built = ssautil.Packages(loaded, ssa.InstantiateGenerics)
	p.ssa.Build()
	mains := 0
	for _, pkg := range built {
		if pkg.Pkg.Name() == "main" && strings.HasPrefix(pkg.Pkg.Path(), module) && strings.HasSuffix(pkg.Pkg.Path(), "-service") {
			mains++
			p.reach(pkg.Func("init"))
			p.reach(pkg.Func("main"))
		}
	}
	require.Equal(t, 2, mains)
	p.follow()
	return p
}

// declare notes the functions, methods and types that a package declares.
func (p *program) declare(pkg *packages.Package) {
	for _, file := range pkg.Syntax {
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d.Recv.List[0].Type) + "." + name
				}
				p.functions[named{name, p.fileOf(pkg.Fset.Position(d.Pos()).Filename)}] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, isType := spec.(*ast.TypeSpec); isType {
						p.functions[named{s.Name.Name, p.fileOf(pkg.Fset.Position(s.Pos()).Filename)}] = false
					}
				}
			}
		}
	}
}

func (p *program) fileOf(path string) string {
	relative, err := filepath.Rel(p.root, path)
	if err != nil {
		return path
	}
	return relative
}

// receiver returns the name of a method's receiver, without its pointer and its type parameters.
func receiver(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func (p *program) declares(n named) bool { _, found := p.functions[n]; return found }

func (p *program) isFunction(n named) bool { return p.functions[n] }

func (p *program) reaches(n named) bool { return p.reached[n] }

func (p *program) reach(f *ssa.Function) {
	if f == nil || p.seen[f] {
		return
	}
	p.seen[f] = true
	p.pending = append(p.pending, f)
}

// follow visits functions until no further one is reached. A method call can reach a type that is put into an interface later, and so
// all method calls are looked at again after each round.
func (p *program) follow() {
	for len(p.pending) > 0 {
		for len(p.pending) > 0 {
			f := p.pending[len(p.pending)-1]
			p.pending = p.pending[:len(p.pending)-1]
			p.note(f)
			p.visit(f)
		}
		for method, of := range p.invoked {
			p.converted.Iterate(func(t types.Type, _ any) { p.dispatch(t, of, method) })
		}
	}
}

// note records a function under its declaration.
func (p *program) note(f *ssa.Function) {
	if origin := f.Origin(); origin != nil {
		f = origin
	}
	declaration, isDeclared := f.Syntax().(*ast.FuncDecl)
	if !isDeclared {
		return
	}
	name := declaration.Name.Name
	if declaration.Recv != nil {
		name = receiver(declaration.Recv.List[0].Type) + "." + name
	}
	p.reached[named{name, p.fileOf(p.ssa.Fset.Position(f.Pos()).Filename)}] = true
}

func (p *program) visit(f *ssa.Function) {
	var operands []*ssa.Value
	for _, block := range f.Blocks {
		for _, instruction := range block.Instrs {
			operands = instruction.Operands(operands[:0])
			for _, operand := range operands {
				if value, isFunction := (*operand).(*ssa.Function); isFunction {
					p.reach(value)
				}
			}
			switch i := instruction.(type) {
			case ssa.CallInstruction:
				if common := i.Common(); common.IsInvoke() {
					p.invoke(common.Value.Type(), common.Method)
				}
			case *ssa.MakeInterface:
				p.convert(i.X.Type())
				p.handOver(i.Type())
			case *ssa.ChangeInterface:
				p.handOver(i.Type())
			}
		}
	}
}

// convert notes a type that is put into an interface, if it has methods of ours.
func (p *program) convert(t types.Type) {
	named := t
	if pointer, isPointer := t.(*types.Pointer); isPointer {
		named = pointer.Elem()
	}
	if n, isNamed := named.(*types.Named); isNamed && n.Obj().Pkg() != nil && strings.HasPrefix(n.Obj().Pkg().Path(), module) {
		p.converted.Set(t, true)
	}
}

func (p *program) invoke(of types.Type, method *types.Func) {
	if i, isInterface := of.Underlying().(*types.Interface); isInterface {
		p.invoked[method] = i
	}
}

// handOver notes that a library can call the methods of its own interface.
func (p *program) handOver(to types.Type) {
	i, isInterface := to.Underlying().(*types.Interface)
	if !isInterface {
		return
	}
	for method := range i.Methods() {
		if method.Pkg() == nil || !strings.HasPrefix(method.Pkg().Path(), module) {
			p.invoked[method] = i
		}
	}
}

// dispatch reaches the type's method, if the type is one of ours and implements the interface.
func (p *program) dispatch(t types.Type, of *types.Interface, method *types.Func) {
	selection := p.ssa.MethodSets.MethodSet(t).Lookup(method.Pkg(), method.Name())
	if selection == nil {
		return
	}
	if f := p.ssa.MethodValue(selection); !p.seen[f] && types.Implements(t, of) {
		p.reach(f)
	}
}
