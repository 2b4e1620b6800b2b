package catalogue

import (
	"context"
	"io"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
)

// Recorded is a cas.Store whose uploads have entries in the catalogue.
type Recorded struct {
	*cas.Store
	Catalogue *Catalogue
}

// Put stores body as cas.Store does.
func (r Recorded) Put(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	return r.upload(ctx, ref, length, body, label, r.Store.Put)
}

// Offer stores body as cas.Store does.
func (r Recorded) Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	return r.upload(ctx, ref, length, body, label, r.Store.Offer)
}

// Append continues an upload as cas.Store does. What it has completed is looked up, as a
// duplicate is: its label was said long ago, perhaps to another process.
func (r Recorded) Append(ctx context.Context, ref cas.Ref, name uuid.UUID, a cas.Append) (cas.Upload, error) {
	state, err := r.Store.Append(ctx, ref, name, a)
	if err == nil && state.Complete {
		r.Catalogue.Stored(ctx, ref, state.Length, cas.Label{}, false)
	}
	return state, err
}

// SettleUpload finds what became of an upload as cas.Store does.
func (r Recorded) SettleUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error) {
	state, err := r.Store.SettleUpload(ctx, ref, name)
	if err == nil && state.Complete {
		r.Catalogue.Stored(ctx, ref, state.Length, cas.Label{}, false)
	}
	return state, err
}

type uploading func(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error)

func (r Recorded) upload(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label, upload uploading) (bool, error) {
	var counted *counter
	if length == cas.UnknownLength {
		counted = &counter{body: body}
		body = counted
	}
	created, err := upload(ctx, ref, length, body, label)
	if err != nil {
		return created, err
	}
	if counted != nil {
		length = counted.n // everything, if it was created
	}
	r.Catalogue.Stored(ctx, ref, length, label, created)
	return created, nil
}

// counter counts what was read through it.
type counter struct {
	body io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.n += int64(n)
	return n, err
}
