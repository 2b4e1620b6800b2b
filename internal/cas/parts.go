package cas

import (
	"context"
	"io"
)

// Uploads are uploads in parts: many requests, of which the last makes one object. An
// upload is known by key and id, so that it outlives the session that began it.
type Uploads interface {
	// Begin starts an upload. Nothing is visible before Complete.
	Begin(ctx context.Context, key string, label Label) (id string, err error)
	// SendPart uploads a part, and may read it several times. It is safe for concurrent use.
	SendPart(ctx context.Context, key, id string, p Part) (SentPart, error)
	// StreamPart uploads a part that nobody holds: it reads body once, to the end, and
	// makes its checksum on the way. The error of body may be lost.
	StreamPart(ctx context.Context, key, id string, number int, size int64, body io.Reader) (SentPart, error)
	// Complete makes the object visible, on condition that the key is free; it sends the
	// CRC64NVME of all parts together for S3 to compare.
	Complete(ctx context.Context, key, id string, parts []SentPart) error
	// Abort discards the parts.
	Abort(ctx context.Context, key, id string) error
}

// Part is one piece of an upload, number counting from 1.
type Part struct {
	Number int
	Size   int64
	Body   io.ReadSeeker
}

// SentPart is a part that S3 has.
type SentPart struct {
	Number int
	Size   int64
	ETag   string
	CRC    uint64 // CRC64NVME
}

// The limits of S3 (facts AWS §7.3).
const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30

	minPartSize  = 5 * mebibyte
	maxPartSize  = 5 * gibibyte
	maxSinglePut = 5 * gibibyte
	maxParts     = 10_000
	// "50 TB": whether AWS means powers of ten or of two, these fit.
	maxObject = 50_000_000_000_000
)
