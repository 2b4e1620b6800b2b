package rig

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Damage stands between the CAS and AWS and changes the objects that come back. To
// the CAS that is what a corrupt object at rest looks like. Its zero value changes
// nothing; it is safe for concurrent use.
type Damage struct {
	how atomic.Pointer[func([]byte) (io.Reader, int)]
}

// Between is for Options.Wire.
func (d *Damage) Between(next http.RoundTripper) http.RoundTripper { return damaged{next, d} }

// Do has every object replaced from now on, by what how returns and with the length
// that it says; nil ends that.
func (d *Damage) Do(how func(content []byte) (body io.Reader, length int)) {
	if how == nil {
		d.how.Store(nil)
		return
	}
	d.how.Store(&how)
}

type damaged struct {
	next http.RoundTripper
	by   *Damage
}

func (d damaged) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(r)
	how := d.by.how.Load()
	object := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "sha256:")
	if err != nil || how == nil || !object || response.StatusCode/100 != 2 {
		return response, err
	}
	content, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	body, length := (*how)(content)
	response.Body, response.ContentLength = io.NopCloser(body), int64(length)
	response.Header.Set("Content-Length", strconv.Itoa(length))
	return response, nil
}

// Flip changes one bit.
func Flip(bit int) func([]byte) (io.Reader, int) {
	return func(content []byte) (io.Reader, int) {
		content[bit/8] ^= 1 << (bit % 8)
		return bytes.NewReader(content), len(content)
	}
}

// Shorten leaves the last byte out, and says so.
func Shorten(content []byte) (io.Reader, int) {
	return bytes.NewReader(content[:len(content)-1]), len(content) - 1
}

// Lengthen adds a byte, and says so.
func Lengthen(content []byte) (io.Reader, int) {
	return bytes.NewReader(append(content, 0)), len(content) + 1
}

// Cut breaks the connection in the middle.
func Cut(content []byte) (io.Reader, int) {
	return io.MultiReader(bytes.NewReader(content[:len(content)/2]), broken{}), len(content)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Rot flips a bit in the middle of everything that the embedded AWS keeps in files:
// every object of more than a few KiB, as it lies on the disk.
func (r *Rig) Rot(t testing.TB) {
	t.Helper()
	rotten := 0
	must(t, filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, string(filepath.Separator)+"blobs"+string(filepath.Separator)) {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) == 0 {
			return err
		}
		rotten++
		content[len(content)/2] ^= 1
		return os.WriteFile(path, content, 0o600)
	}))
	if rotten == 0 {
		t.Fatal("nothing is kept in files")
	}
}
