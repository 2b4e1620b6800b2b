package cas

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
)

// announced is the artifact's length, of which a request may say that it is known, if
// what is there and what comes can agree with it.
func announced(known int64, a Append) (int64, error) {
	length := known
	if length == UnknownLength {
		length = a.Total
	}
	switch {
	case a.Total != UnknownLength && a.Total != length:
		return 0, fmt.Errorf("%w: %d bytes, %d were announced", ErrUploadLength, a.Total, length)
	case length != UnknownLength && length-a.Offset < max(a.Length, 0):
		return 0, fmt.Errorf("%w: %d bytes are announced, at %d come %d more", ErrUploadLength, length, a.Offset, max(a.Length, 0))
	}
	return length, nil
}

// missed answers whoever has not heard that the upload is over: it has nothing more to
// send, and stands where the artifact ends. What else comes is of an upload that nobody
// knows.
func (s *Store) missed(ctx context.Context, ref Ref, name uuid.UUID, a Append) (Upload, error) {
	state, err := s.completed(ctx, ref, name)
	if err != nil {
		return Upload{}, err
	}
	if a.Offset != state.Offset || a.Length > 0 || a.Total != UnknownLength && a.Total != state.Length {
		return Upload{}, ErrNoUpload
	}
	if err := atEnd(a.Body, true); errors.Is(err, digest.ErrLength) {
		return Upload{}, ErrNoUpload
	} else if err != nil {
		return Upload{}, err
	}
	return state, nil
}
