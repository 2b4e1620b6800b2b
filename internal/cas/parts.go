package cas

import (
	"context"
	"io"
)

// Uploads are uploads in parts: many requests, of which the last makes one object. An
// upload is known by key and id, so that it outlives the session that began it.
type Uploads interface {
	// Begin starts an upload. Nothing is visible before Complete.
	Begin(ctx context.Context, key string, name FileName) (id string, err error)
	// SendPart uploads a part. It retries only if p.Body is an io.Seeker, and is safe for
	// concurrent use.
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
	Body   io.Reader
	Held   bool // Body is an io.Seeker that can be read again and again
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
	maxObject    = 50_000_000_000_000 // 50 TB
)

// Parts of an upload whose length nobody announced grow: small ones cost less memory,
// larger ones reach further. growths doublings, one every growEvery parts, make the
// largest part that is held in memory.
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
	// Whole mebibytes: 50 TB make parts of 4.7 GiB, which S3 allows.
	even := (s.length + maxParts - 1) / maxParts
	return max(s.first, (even+mebibyte-1)/mebibyte*mebibyte)
}

// held reports whether a part of this size is collected in memory before it is sent.
func (s partSizes) held(size int64) bool { return size <= s.first<<growths }
