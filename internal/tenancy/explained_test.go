package tenancy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// explained is every document with every option, in every mode of session policies: all
// statements that this package can write. The undashed variants have the same.
func explained(t *testing.T) map[string][]iam.Statement {
	t.Helper()
	documents := []tenancy.NamedDocument{{Name: "workload-trust-irsa", Document: templateOfIRSA(t)}}
	for _, mode := range []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC} {
		in := everyOption("[apPrefix]", mode)
		documents = append(documents, in.Documents()...)
		documents = append(documents, in.TenantDocuments(mustID(t, acme), "[baseRoleId]")...)
	}
	all := map[string][]iam.Statement{}
	for _, d := range documents {
		seen := map[string]bool{}
		for _, s := range all[d.Name] {
			seen[s.Sid] = true
		}
		for _, s := range d.Document.Statements {
			if !seen[s.Sid] {
				all[d.Name] = append(all[d.Name], s)
			}
		}
	}
	return all
}

// A statement without a sentence fails here, and so does a document without a page. The
// pages of docs/policies are what they say.
func TestEveryStatementIsExplained(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "docs", "policies")
	all := explained(t)
	for _, name := range tenancy.ExplainedDocuments() {
		e, ok := tenancy.Explain(name)
		if !ok || len(all[name]) == 0 {
			t.Errorf("%s: explained: %v, statements: %d", name, ok, len(all[name]))
			continue
		}
		compare(t, filepath.Join(dir, name+".md"), page(t, name, e, all[name]))
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s has no page: explain it, and list it in ExplainedDocuments", name)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.md")); err != nil || len(files) != len(tenancy.ExplainedDocuments()) {
		t.Errorf("%d files in %s, %d documents: remove what is left over (%v)", len(files), dir, len(tenancy.ExplainedDocuments()), err)
	}
}

// The list of documents leads to each page.
func TestPagesAreLinked(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile(filepath.Join("..", "..", "deploy", "policies", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tenancy.ExplainedDocuments() {
		if link := "(../../docs/policies/" + name + ".md)"; !strings.Contains(string(index), link) {
			t.Errorf("deploy/policies/README.md does not link %s", link)
		}
	}
}

func TestVariantsAreExplainedTogether(t *testing.T) {
	t.Parallel()
	for variant, family := range map[string]string{
		"backend-permissions-abac": "backend-permissions", "backend-permissions-inline": "backend-permissions",
		"base-role-permissions-undashed": "base-role-permissions", "cas-permissions-own-buckets": "cas-permissions",
		"session-policy": "session-policy",
	} {
		if got := tenancy.DocumentFamily(variant); got != family {
			t.Errorf("%s is explained with %s, want %s", variant, got, family)
		}
	}
	if e, ok := tenancy.Explain("trust-me"); ok {
		t.Errorf("a document that there is none of: %+v", e)
	}
}

func page(t *testing.T, name string, e tenancy.Explanation, statements []iam.Statement) []byte {
	t.Helper()
	var page bytes.Buffer
	fmt.Fprintf(&page, "# %s\n\nGoes to: %s.\n\n%s\n\nThis page is generated from the code that writes the document, `internal/tenancy`. "+
		"Names in brackets stand for those of the installation, as in [deploy/policies](../../deploy/policies/README.md); `[orgId]` is an organization's UUID.\n",
		e.Title, e.Place, e.Purpose)
	for _, s := range statements {
		sentence := e.Statements[s.Sid]
		if sentence == "" || !strings.HasSuffix(sentence, ".") {
			t.Errorf("%s: statement %q has no sentence: say in explanations_*.go what it allows or stops", name, s.Sid)
		}
		text, err := json.Marshal(&iam.Document{Version: iam.Version2012, Statements: []iam.Statement{s}})
		if err != nil {
			t.Fatal(err)
		}
		var document struct{ Statement []json.RawMessage }
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, document.Statement[0], "", "  "); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&page, "\n## `%s`: %s\n\n%s\n\n```json\n%s\n```\n", s.Sid, s.Effect, sentence, &pretty)
	}
	return bytes.ReplaceAll(page.Bytes(), []byte(acme), []byte("[orgId]"))
}
