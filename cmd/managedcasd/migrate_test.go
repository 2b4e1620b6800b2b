package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/database"
)

// migrate returns the exit code and both outputs.
func migrate(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), append([]string{"migrate"}, args...), strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// TestMigrate: from nothing to the newest version, and again.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	urlFile, config := filepath.Join(dir, "url"), filepath.Join(dir, "managedcas.yaml")
	file := filepath.Join(dir, "m.db")
	for name, text := range map[string]string{urlFile: "sqlite:" + file + "\n", config: "database: {urlFile: " + urlFile + "}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, wanted, err := database.Look(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want migrated
	}{
		{[]string{"--config", config, "--plan"}, 3, migrated{0, wanted, false}},
		{[]string{"--database-url-file", urlFile, "--plan"}, 3, migrated{0, wanted, false}}, // the plan did nothing
		{[]string{"--database-url-file", urlFile}, 0, migrated{0, wanted, true}},
		{[]string{"--config", config, "--plan"}, 0, migrated{wanted, wanted, true}},
		{[]string{"--config", config}, 0, migrated{wanted, wanted, true}},
	} {
		code, out, errs := migrate(t, append(c.args, "-o", "json")...)
		var got migrated
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != c.code || got != c.want {
			t.Errorf("%v: exit %d, %s%s, want %d, %+v", c.args, code, out, errs, c.code, c.want)
		}
	}
	if _, out, _ := migrate(t, "--config", config); !strings.HasPrefix(out, "nothing to do") {
		t.Errorf("in words: %s", out)
	}
}

// TestMigrateNeedsOneDatabase refuses none and two.
func TestMigrateNeedsOneDatabase(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for want, args := range map[string][]string{
		"one of them":                    {},
		"one of them;":                   {"--config", "a", "--database-url-file", "b"},
		"unknown output":                 {"--config", "a", "-o", "yaml"},
		"no such file":                   {"--database-url-file", missing},
		"reading the configuration":      {"--config", missing},
		"unexpected \"production\"; see": {"production"},
	} {
		if code, _, errs := migrate(t, args...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

// TestWhatIsWrongWithASchemaIsSaidOnce: a newer one is no matter of the URL, and no role or
// command says that it were; of anything else migrate says what has become of the rest.
func TestWhatIsWrongWithASchemaIsSaidOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, file := filepath.Join(dir, "managedcas.yaml"), filepath.Join(dir, "m.db")
	if err := os.WriteFile(config, []byte("database: {url: \"sqlite:"+file+"\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := migrate(t, "--config", config); code != 0 {
		t.Fatal(errs)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	change("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)")
	for _, args := range [][]string{{"migrate"}, {"migrate", "--plan"}, {"keys", "list"}} {
		var out, errs strings.Builder
		code := run(t.Context(), append(args, "--config", config), strings.NewReader(""), &out, &errs)
		if code != 1 || !strings.HasSuffix(errs.String(), "or restore the backup from before the upgrade\n") {
			t.Errorf("%v: exit %d, %s%s", args, code, &out, &errs)
		}
	}
	change("DELETE FROM goose_db_version WHERE version_id IN (9999, 2)")
	if code, _, errs := migrate(t, "--config", config); code != 1 || !strings.Contains(errs, "what has been migrated stays") {
		t.Errorf("of a schema with a hole: exit %d, %s", code, errs)
	}
}
