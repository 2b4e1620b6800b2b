package iam_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestTables keeps the tables of decisions honest: together they have at least 300
// rows, and every row has a source, in a column of its own or in the comment of its
// test. What documents are refused is not a decision and does not count.
func TestTables(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, name := range files {
		if name == "parse_test.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			test, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(test.Name.Name, "Test") {
				continue
			}
			said := strings.Contains(strings.ToLower(test.Doc.Text()), "source")
			for _, table := range tablesOf(test) {
				column, rows := sourceColumn(table)
				if column || said {
					total += rows
				}
				if column && rows == 0 {
					t.Errorf("%s: the table of %s has a column for sources that not every row fills", name, test.Name.Name)
				}
			}
		}
	}
	t.Logf("%d rows with a source", total)
	if total < 300 {
		t.Errorf("%d rows with a source, want at least 300", total)
	}
}

// tablesOf returns the literals that a test assigns to rows.
func tablesOf(test *ast.FuncDecl) []*ast.CompositeLit {
	var tables []*ast.CompositeLit
	ast.Inspect(test, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 1 {
			return true
		}
		name, isName := assign.Lhs[0].(*ast.Ident)
		if table, ok := assign.Rhs[0].(*ast.CompositeLit); ok && isName && name.Name == "rows" {
			tables = append(tables, table)
		}
		return true
	})
	return tables
}

// sourceColumn says whether the rows of a table are structs with a field named source,
// and how many rows there are; none when one of them leaves that field out.
func sourceColumn(table *ast.CompositeLit) (column bool, rows int) {
	at := -1
	if list, ok := table.Type.(*ast.ArrayType); ok {
		if row, ok := list.Elt.(*ast.StructType); ok {
			n := 0
			for _, f := range row.Fields.List {
				for _, name := range f.Names {
					if name.Name == "source" {
						at = n
					}
					n++
				}
			}
		}
	}
	if at < 0 {
		return false, len(table.Elts)
	}
	for _, elt := range table.Elts {
		row, ok := elt.(*ast.CompositeLit)
		if !ok || len(row.Elts) <= at {
			return true, 0
		}
		if text, ok := row.Elts[at].(*ast.BasicLit); ok && len(text.Value) < 4 {
			return true, 0
		}
	}
	return true, len(table.Elts)
}
