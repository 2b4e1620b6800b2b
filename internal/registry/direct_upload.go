package registry

import (
	"errors"
	"time"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// ErrTooMany means that the organization has as many records of the kind as it may.
var ErrTooMany = errors.New("too many records")

// DirectUpload is an upload that a client was let to make to S3 by itself, and of which
// nobody has said yet that it is done. An organization has one of a digest, however many
// clients are at it: they all store the same bytes.
type DirectUpload struct {
	Org       org.ID
	Digest    digest.Digest
	Size      int64
	FileName  string // empty: none
	MediaType string // empty: unknown
	Uploader  string // who asked for the token; empty: unknown
	IssuedAt  time.Time
	ExpiresAt time.Time // the upload cannot begin later
	LookAt    time.Time // when S3 is asked whether it was made
}
