package doctor

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// subjects begin codes; other texts of that form are none.
var subjects = []string{
	"access", "backend", "base", "bucket", "caller", "canary", "clock", "config", "coordinates", "database", "endpoint",
	"irsa", "isolation", "key", "organization", "purge", "quota", "role", "secret", "session", "signing", "trust", "workload",
}

// made are codes of several words, which are made of parts: subject and kind of trouble, quota
// and how full it is.
func made() []string {
	var all []string
	for _, trouble := range networkTroubles {
		for _, subject := range []string{"endpoint-", "database-", "secret-store-"} {
			all = append(all, subject+trouble.kind)
		}
	}
	for _, q := range quotaNames {
		all = append(all, q.code+"-full", q.code+"-near")
	}
	return all
}

// TestCatalogueIsComplete: what the sources can say is in the catalogue, with a cause.
func TestCatalogueIsComplete(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, e := range Catalogue() {
		if known[e.Code] || e.Cause == "" {
			t.Errorf("%s is there twice, or has no cause", e.Code)
		}
		known[e.Code] = true
	}
	said := made()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`"([a-z]+(?:-[a-z0-9]+)+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "quota.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			if word, _, _ := strings.Cut(m[1], "-"); slices.Contains(subjects, word) {
				said = append(said, m[1])
			}
		}
	}
	for _, code := range said {
		if !known[code] {
			t.Errorf("%s is not in the catalogue: add it, with its cause, and a line to docs/doctor.md", code)
		}
	}
	if len(known) < 60 {
		t.Errorf("only %d misconfigurations are known", len(known))
	}
}
