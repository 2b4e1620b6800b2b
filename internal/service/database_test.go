package service_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/service"
)

func TestWhereTheDatabaseIs(t *testing.T) {
	t.Parallel()
	const secret = "postgres://u:correct-horse@db.example.com/d?sslmode=require"
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	room := strings.Repeat("x", 8<<10-len(secret))
	for name, tc := range map[string]struct {
		database service.Database
		want     string // "": refused
	}{
		"a file":            {service.Database{URL: "sqlite:/var/lib/managedcas.db"}, "/var/lib/managedcas.db"},
		"PostgreSQL":        {service.Database{URL: secret}, secret},
		"its other scheme":  {service.Database{URL: "postgresql://h/d"}, "postgresql://h/d"},
		"a mounted secret":  {service.Database{URLFile: file("secret", secret+"\n")}, secret},
		"the longest":       {service.Database{URLFile: file("longest", secret+room)}, secret + room},
		"too long":          {service.Database{URLFile: file("long", secret+room+"x")}, ""},
		"two lines":         {service.Database{URLFile: file("lines", secret+"\n"+secret)}, ""},
		"an empty file":     {service.Database{URLFile: file("empty", "\n")}, ""},
		"no file":           {service.Database{URLFile: filepath.Join(dir, "missing")}, ""},
		"both":              {service.Database{URL: secret, URLFile: file("both", secret)}, ""},
		"neither":           {service.Database{}, ""},
		"no path":           {service.Database{URL: "sqlite:"}, ""},
		"an unknown scheme": {service.Database{URL: "mysql://u:correct-horse@h/d"}, ""},
	} {
		got, err := tc.database.Target()
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), ": give ") && !strings.Contains(err.Error(), ": leave ") {
			t.Errorf("%s: the error does not say what to do: %v", name, err)
		}
		if err != nil && tc.database.URLFile != "" && tc.database.URL == "" && !strings.Contains(err.Error(), tc.database.URLFile) {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "correct-horse") {
			t.Errorf("%s: the error has the password in it: %v", name, err)
		}
	}
}
