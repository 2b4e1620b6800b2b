package client

import (
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"

	"github.com/managedcas/managedcas/internal/cas"
)

// sniffed is how much of a file tells what it is, where its extension does not.
const sniffed = 512 // what http.DetectContentType looks at

// mediaType says what a file is: by its extension, as this machine knows it, or by how it
// begins. It is a guess, which --media-type overrules.
func mediaType(file *os.File) (cas.MediaType, error) {
	text := mime.TypeByExtension(filepath.Ext(file.Name()))
	if text == "" {
		begin := make([]byte, sniffed)
		n, err := file.ReadAt(begin, 0)
		if err != nil && err != io.EOF {
			return "", err
		}
		text = http.DetectContentType(begin[:n])
	}
	media, err := cas.ParseMediaType(text)
	if err != nil {
		return "", nil // what this machine has for the extension is no media type
	}
	return media, nil
}
