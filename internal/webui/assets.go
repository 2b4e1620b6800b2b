package webui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

//go:embed static/*.js static/*.css static/*.svg
var static embed.FS

// asset is a file that pages load.
type asset struct {
	hash    string // of the content: another content has another URL
	content []byte
}

// assets are all of them, by name.
type assets map[string]asset

func readAssets() (assets, error) {
	files, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, fmt.Errorf("the embedded assets: %w", err)
	}
	all := assets{}
	for _, f := range files {
		content, err := static.ReadFile("static/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("the embedded assets: %w", err)
		}
		sum := sha256.Sum256(content)
		all[f.Name()] = asset{hash: hex.EncodeToString(sum[:8]), content: content}
	}
	return all, nil
}

// url is where a page finds an asset.
func (a assets) url(name string) (string, error) {
	found, ok := a[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return "/assets/" + found.hash + "/" + name, nil
}

// ServeHTTP serves an asset, to be kept for good (RFC 8246).
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	found, ok := a[name]
	if !ok || found.hash != r.PathValue("hash") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(found.content))
}
