package catalogue

import (
	"context"
	"io"

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
