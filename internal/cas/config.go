package cas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
)

// Sessions lends the credentials of one organization.
type Sessions interface {
	For(ctx context.Context, id org.ID) (session.Session, error)
	// Drop is told when AWS no longer accepts a session.
	Drop(id org.ID, used session.Credentials)
}

// OwnSessions are Sessions for buckets that organizations bring.
type OwnSessions interface {
	For(ctx context.Context, id org.ID, backend uuid.UUID) (session.Session, error)
	Drop(id org.ID, backend uuid.UUID, used session.Credentials)
}

// Config is what New needs.
type Config struct {
	Sessions Sessions
	// Own lends the credentials of an organization in its own bucket; nil: none has one.
	Own OwnSessions
	// Open returns the objects behind the organization's access point, or in its own bucket,
	// as its session reaches them.
	Open func(session.Session) Objects
	// SinglePutMax is the largest artifact of known length that is stored with one
	// PutObject, in bytes; 0: 5 GiB, which is the most (facts AWS §7.3).
	SinglePutMax int64
	// PartSize is the size of the first parts of a larger one, in bytes; 0: 5 MiB, which
	// is the least (facts AWS §7.3).
	PartSize int64
	// Memory is what all uploads in parts hold together, in bytes; 0: 24 MiB. At least
	// four times PartSize and 1 MiB: the largest part that is held.
	Memory int64
	// Ledger keeps the records of uploads in parts.
	Ledger Ledger
	// ResumableMin is the announced length from which an upload whose name can be resumed
	// goes in parts, in bytes; 0: 64 MiB. What is smaller is sent again sooner than resumed.
	ResumableMin int64
	// UploadExpiry is how long a resumable upload waits for its client; 0: a day.
	UploadExpiry time.Duration
	// OpenUploads is how many resumable uploads an organization may have; 0: 100.
	OpenUploads int
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

const (
	defaultSinglePutMax = maxSinglePut
	defaultPartSize     = 5 * mebibyte
	defaultMemory       = 24 * mebibyte
	defaultResumableMin = 64 * mebibyte
	defaultUploadExpiry = 24 * time.Hour
	defaultOpenUploads  = 100
)

func (c Config) withDefaults() Config {
	c.SinglePutMax = cmp.Or(c.SinglePutMax, defaultSinglePutMax)
	c.PartSize = cmp.Or(c.PartSize, defaultPartSize)
	c.Memory = cmp.Or(c.Memory, max(defaultMemory, c.PartSize<<growths+blockBytes))
	c.ResumableMin = cmp.Or(c.ResumableMin, defaultResumableMin)
	c.UploadExpiry = cmp.Or(c.UploadExpiry, defaultUploadExpiry)
	c.OpenUploads = cmp.Or(c.OpenUploads, defaultOpenUploads)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) check() error {
	if c.Ledger == nil {
		return errors.New("a store needs a ledger of uploads")
	}
	if c.SinglePutMax < 0 || c.SinglePutMax > maxSinglePut {
		return fmt.Errorf("singlePutMax of %d bytes: want 1 to %d", c.SinglePutMax, int64(maxSinglePut))
	}
	if c.PartSize < minPartSize || c.PartSize > gibibyte {
		return fmt.Errorf("partSize of %d bytes: want %d to %d", c.PartSize, minPartSize, gibibyte)
	}
	// In whole blocks: one more than the bytes of the largest part.
	if least := c.PartSize<<growths + blockBytes; c.Memory < least {
		return fmt.Errorf("uploadMemory of %d bytes: want at least %d", c.Memory, least)
	}
	return nil
}
