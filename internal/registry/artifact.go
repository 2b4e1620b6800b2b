package registry

import (
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// Artifact is an entry of the catalogue: what an organization has stored, known without
// asking S3. The object in S3 is the truth; an entry may be missing for a moment, and is
// never there for bytes that were not stored.
type Artifact struct {
	Org       org.ID
	Digest    digest.Digest
	Size      int64
	FileName  string // empty: none
	MediaType string // empty: unknown
	Uploader  string // who asked for the token of the upload; empty: unknown
	StoredAt  time.Time
	Backend   uuid.UUID // of the organization's own bucket that has it; Nil: the managed one
}
