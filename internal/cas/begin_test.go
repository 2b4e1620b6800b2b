package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// W16: a client goes away while S3 begins its upload. Only the answer has the upload's id:
// it is waited for, or nobody could abort what was begun.
func TestW16_WhatWasBegunIsAborted(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	options := small()
	options.Wire = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost || !r.URL.Query().Has("uploads") {
				return next.RoundTrip(r)
			}
			response, err := next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
			leave()
			if r.Context().Err() != nil { // as the transport does
				_ = response.Body.Close()
				return nil, r.Context().Err()
			}
			return response, err
		})
	}
	r := rig.New(t, options)
	content, d := rig.Content(2 * part)
	body := io.MultiReader(bytes.NewReader(content), readerFunc(func([]byte) (int, error) { return 0, ctx.Err() }))
	if created, err := r.Store.Put(ctx, cas.Ref{Org: r.Org(t), Digest: d}, cas.UnknownLength, body, cas.Label{}); created || !errors.Is(err, context.Canceled) {
		t.Errorf("created %t, %v", created, err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}
