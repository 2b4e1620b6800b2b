package cas

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
)

// content is what a stored artifact is read through. Here a wrong digest is nobody's
// fault but the storage's, and a broken connection is worth another try: content says
// so, where digest.Verify cannot know.
type content struct {
	io.Reader
	io.Closer
}

func (c content) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // only io.EOF itself is the end
	case errors.Is(err, digest.ErrMismatch), errors.Is(err, digest.ErrLength):
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		err = fmt.Errorf("%w: %w", cloud.ErrUnavailable, err)
	}
	return n, err
}
