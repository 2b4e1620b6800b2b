package cas

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
)

// Get opens the artifact ref, with one GetObject. Close what it returns. ErrNotFound if
// the organization has no such artifact, whoever else may have it.
func (s *Store) Get(ctx context.Context, ref Ref) (*Artifact, error) {
	return s.GetRange(ctx, ref, Range{})
}

// GetRange opens the part of the artifact that want says, with one GetObject. It fails
// as Get does, and with a *RangeError if want begins behind the end.
//
// The address of an artifact vouches for all of it and for nothing less: what is not the
// whole has the length and the place that were asked for, and comes from one version of
// the object, but its bytes are as S3 sent them.
func (s *Store) GetRange(ctx context.Context, ref Ref, want Range) (*Artifact, error) {
	sess, objects, key, err := s.open(ctx, ref)
	if err != nil {
		return nil, err
	}
	body, info, err := objects.Get(ctx, key, want, "")
	if errors.Is(err, cloud.ErrRange) {
		// S3 says what the size is in the text of its refusal only.
		info, err = objects.Stat(ctx, key)
		if err == nil && info.Size == 0 && ref.Digest != digest.Of(nil) {
			return nil, fmt.Errorf("%w: it is empty", ErrCorrupt)
		}
		if err == nil {
			return nil, &RangeError{Size: info.Size}
		}
	}
	if err != nil {
		return nil, s.explain(ctx, ref.Org, sess, objects, key, err)
	}
	info.Digest = ref.Digest
	part := Range{Length: info.Size}
	if (want != Range{}) {
		if part, err = want.Within(info.Size); err != nil {
			return nil, errors.Join(err, body.Close())
		}
	}
	source := &resuming{body: body, rest: part, reopen: s.reopen(ctx, ref, info.ETag)}
	artifact := &Artifact{Info: info, Part: part}
	if artifact.Whole() {
		artifact.ReadCloser = content{digest.Verify(source, info.Digest, info.Size), source}
	} else {
		artifact.ReadCloser = content{source, source}
	}
	return artifact, nil
}

// reopen returns how to open the rest of an object that was begun to be read. The
// session is looked up again: a download may outlive one.
func (s *Store) reopen(ctx context.Context, ref Ref, etag string) func(rest Range, try int) (io.ReadCloser, error) {
	return func(rest Range, try int) (io.ReadCloser, error) {
		if etag == "" {
			return nil, fmt.Errorf("%w: an object without ETag cannot be resumed", cloud.ErrUnavailable)
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
		sess, objects, key, err := s.open(ctx, ref)
		if err != nil {
			return nil, err
		}
		body, _, err := objects.Get(ctx, key, rest, etag)
		if err != nil {
			return nil, s.explain(ctx, ref.Org, sess, objects, key, err)
		}
		return body, nil
	}
}
