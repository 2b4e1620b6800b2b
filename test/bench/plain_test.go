package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator"
)

// plain is the least that an object server can do that keeps its word: a file per
// object or part, its SHA-256, one fsync. It asks nobody who they are, encrypts
// nothing and records nothing; even the name in the folder may be lost with the power.
type plain struct{ dir string }

func (p plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	file := filepath.Join(p.dir, strings.ReplaceAll(strings.Trim(r.URL.Path, "/"), "/", "_"))
	switch {
	case r.Method == http.MethodPut:
		tag, err := store(file+query.Get("partNumber"), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("ETag", `"`+tag+`"`)
	case r.Method == http.MethodPost && query.Has("uploads"):
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			UploadID string   `xml:"UploadId"`
		}{UploadID: "1"})
	case r.Method == http.MethodPost:
		_, _ = io.Copy(io.Discard, r.Body)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			ETag    string
		}{ETag: `"1"`})
	default:
		http.ServeFile(w, r, file)
	}
}

func store(file string, body io.Reader) (sum string, err error) {
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, hash)}, body, make([]byte, 64<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), f.Sync()
}

func servePlain(b *testing.B) served {
	return served{plain{b.TempDir()}, emulator.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}}
}
