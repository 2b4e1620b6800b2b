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
	maxSinglePut = 5 * gibibyte
	maxParts     = 10_000
)

// Parts grow: small ones cost less memory, larger ones reach further. Doubled growths
// times, once every growEvery parts where nobody announced a length, they are the
// largest that one process holds (decision 006).
const (
	growEvery = 1000
	growths   = 2
)

// partSizes says how large the parts of an upload are.
type partSizes struct {
	first  int64
	length int64 // or UnknownLength
}

// of returns the size of part number; of the last part, the most that it may be.
func (s partSizes) of(number int) int64 {
	if s.length == UnknownLength {
		return s.first << min((number-1)/growEvery, growths)
	}
	return max(s.first, (s.length+maxParts-1)/maxParts)
}
