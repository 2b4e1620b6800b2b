package databasetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// migrated is a SQLite file that has the newest schema. Under the race detector, making
// one takes about half a second of computing.
var migrated struct {
	once sync.Once
	file []byte
	err  error
}

// SQLite returns the path of a fresh SQLite file that has the newest schema. Migrate
// gives an empty one its schema.
func SQLite(t testing.TB, migrate func(ctx context.Context, target string) error) string {
	t.Helper()
	migrated.once.Do(func() { migrated.file, migrated.err = migratedFile(migrate) })
	if migrated.err != nil {
		t.Fatal(migrated.err)
	}
	path := filepath.Join(t.TempDir(), "a name with ? and # and %41.db")
	if err := os.WriteFile(path, migrated.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func migratedFile(migrate func(ctx context.Context, target string) error) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "sqlite-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "migrated.db")
	if err := migrate(context.Background(), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
