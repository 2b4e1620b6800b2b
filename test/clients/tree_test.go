package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tree makes a directory with what goes wrong easily: names that must be encoded, once
// and not twice; an empty file; sizes around the clients' part sizes.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range map[string]int64{
		"hello.txt":                      6,
		"empty":                          0,
		"a/b/with spaces + plus.txt":     100,
		"a/b/percent%41%2F.txt":          101,
		"a/ümlaut/漢字.bin":                102,
		"a/!'()*~@$&=;:,#[]{}^`|.bin":    103,
		"parts/of five MiB":              5 << 20,
		"parts/five MiB and a byte":      5<<20 + 1,
		"parts/several, last incomplete": 21<<20 + 4321,
	} {
		fill(t, filepath.Join(dir, filepath.FromSlash(name)), size)
	}
	return dir
}

// fill writes a file of random bytes, other ones for every size. It is an hour old: S3 tells
// whole seconds, and a file that is written within the second of its upload is newer than
// its object, which the aws CLI sends again.
func fill(t *testing.T, name string, size int64) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	if _, err := io.CopyN(f, random, size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
}

// sums maps every file under dir to the sha256 of its content.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		found[filepath.ToSlash(relative)] = sum(t, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sum(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
