package cas

import (
	"context"
	"io"

	"github.com/managedcas/managedcas/internal/digest"
)

// Objects is what one session can do with the objects of its organization. Its
// errors wrap those of package cloud.
type Objects interface {
	// Put stores size bytes under key with one conditional PutObject that S3 refuses
	// unless they hash to d. It retries only if body is an io.Seeker. A taken key is
	// cloud.ErrExists.
	Put(ctx context.Context, key string, d digest.Digest, size int64, body io.Reader, label Label) error
	// Get opens what want says of the object, with its Info. Without ListBucket, a missing
	// one is cloud.ErrDenied. A want that is behind the end is cloud.ErrRange; an object
	// that has not the ETag etag, unless that is empty, is cloud.ErrConflict.
	Get(ctx context.Context, key string, want Range, etag string) (io.ReadCloser, Info, error)
	// Stat describes the object; a missing one is cloud.ErrDenied as for Get.
	Stat(ctx context.Context, key string) (Info, error)
	// Exists lists exactly this key.
	Exists(ctx context.Context, key string) (bool, error)
	// Lister is for operators.
	Lister
	// Uploads are for what does not go in one request.
	Uploads
	// Direct is for what clients send and fetch themselves.
	Direct
}
