package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/client"
)

// A table of trusts shows all that lets a pipeline in: two that differ in a claim are not alike.
func TestTrustsShowTheirClaims(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out, output: "table"}
	trusts := []client.Trust{
		{Name: "anybody", Subjects: []string{"repo:quoll/app:**"}},
		{Name: "ours", Subjects: []string{"repo:quoll/app:**"}, Claims: map[string]string{"ref_protected": "true", "repository_owner_id": "77"}},
	}
	if err := a.printTrusts(trusts, trusts); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "CLAIMS") || strings.Contains(lines[1], "77") || !strings.Contains(lines[2], "ref_protected=true repository_owner_id=77") {
		t.Errorf("%s", &out)
	}
}
