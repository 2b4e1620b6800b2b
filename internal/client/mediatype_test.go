package client

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
)

// The extension tells, or how the file begins.
func TestMediaTypeOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, row := range map[string]struct {
		content string
		want    cas.MediaType
	}{
		"sbom.json":     {"\x00", "application/json"},
		"no-extension":  {"some text", "text/plain; charset=utf-8"},
		"binary":        {"\x00\x01", cas.DefaultMediaType},
		"zip":           {"PK\x03\x04", "application/zip"},
		"empty":         {"", "text/plain; charset=utf-8"},
		"odd.x y\xffäß": {"\x00", cas.DefaultMediaType},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if got, err := mediaType(file); err != nil || got != row.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, row.want)
		}
	}
}
