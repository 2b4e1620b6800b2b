package gate

import (
	"crypto/sha256"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/managedcas/managedcas/internal/iam"
)

// maxDocuments bounds the parsed documents that are kept: about the session policies
// of the organizations that are active at a time, each a few kilobytes.
const maxDocuments = 4096

// Documents parses stored policies, each text once. Parsed documents are shared between
// requests and are not to be changed. It is safe for concurrent use.
type Documents struct {
	parsed *lru.Cache[documentKey, *iam.Document]
}

type documentKey struct {
	kind iam.Kind
	hash [sha256.Size]byte
}

// NewDocuments returns an empty store of parsed policies.
func NewDocuments() *Documents {
	cache, _ := lru.New[documentKey, *iam.Document](maxDocuments) // fails only for a size below 1
	return &Documents{cache}
}

// Parse returns the document that text is.
func (d *Documents) Parse(kind iam.Kind, text string) (*iam.Document, error) {
	key := documentKey{kind, sha256.Sum256([]byte(text))}
	if doc, ok := d.parsed.Get(key); ok {
		return doc, nil
	}
	doc, err := iam.Parse(kind, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse stored %s policy: %w", kind, err)
	}
	d.parsed.Add(key, doc)
	return doc, nil
}
