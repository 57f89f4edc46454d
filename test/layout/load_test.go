package layout

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pkg is the folder of a package, relative to the module's root.
type pkg struct {
	path  string
	files []file
}

// file is what the rules look at in one source file. Files of every system count, so that a rule does not depend on the machine.
type file struct {
	name    string
	test    bool
	imports []string
	uses    map[string]bool // import path, dot, name: "net/http.Server"
	selects map[string]bool // every name after a dot
}

// load reads every Go file below root but generators and what belongs to others.
func load(root fs.FS) ([]pkg, error) {
	var out []pkg
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "testdata", "bin", "dist"}, base)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, ignored, err := read(name, b)
		if err != nil || ignored {
			return err
		}
		i := slices.IndexFunc(out, func(p pkg) bool { return p.path == path.Dir(name) })
		if i < 0 {
			i = len(out)
			out = append(out, pkg{path: path.Dir(name)})
		}
		out[i].files = append(out[i].files, f)
		return nil
	})
	return out, err
}

func read(name string, b []byte) (f file, ignored bool, err error) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, b, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return f, false, err
	}
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if x, err := constraint.Parse(c.Text); err == nil && c.Pos() < tree.Package && x.String() == "ignore" {
				return f, true, nil
			}
		}
	}
	f = file{name: name, test: strings.HasSuffix(name, "_test.go"), uses: map[string]bool{}, selects: map[string]bool{}}
	called := map[string]string{} // name in this file, import path
	for _, spec := range tree.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, false, err
		}
		f.imports = append(f.imports, target)
		as := path.Base(target)
		if spec.Name != nil {
			as = spec.Name.Name
		}
		called[as] = target
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			f.selects[s.Sel.Name] = true
			if x, ok := s.X.(*ast.Ident); ok && called[x.Name] != "" {
				f.uses[called[x.Name]+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return f, false, nil
}
