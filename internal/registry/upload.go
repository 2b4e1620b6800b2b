package registry

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// ErrConflict means that another writer changed the record first.
var ErrConflict = errors.New("the record was changed by another writer")

// Upload is the record of an upload in parts that has not ended. S3 keeps the parts of
// an upload until it is completed or aborted, and lists uploads only to whoever may list
// the bucket's: without a record nobody would know what a crash has left.
type Upload struct {
	ID        uuid.UUID // of the record
	Org       org.ID
	Digest    digest.Digest
	Name      uuid.UUID // what its client calls it, for this artifact; the ID where it cannot be resumed
	Resumable bool
	Length    int64     // or digest.UnknownLength
	FileName  string    // empty: none
	StorageID string    // S3's upload id
	Backend   uuid.UUID // as of an Artifact

	// Committed bytes are in Parts that S3 has acknowledged. Hash is the state of the
	// sha256 of exactly these bytes.
	Committed int64
	Hash      []byte
	Parts     []UploadPart // in order, without a gap

	// Generation grows whenever somebody takes the upload over. Who holds an older one
	// has lost it.
	Generation int64

	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // from then on it is the sweeper's
}

// UploadPart is a part that S3 has acknowledged.
type UploadPart struct {
	Number int
	Size   int64
	ETag   string
	CRC    uint64 // CRC64NVME
}
