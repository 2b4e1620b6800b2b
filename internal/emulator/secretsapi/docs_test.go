package secretsapi

import (
	"os"
	"strings"
	"testing"
)

// The page about the embedded AWS names every operation.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/embedded-aws.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range (&Service{}).implemented() {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/embedded-aws.md does not name %s", name)
		}
	}
}
