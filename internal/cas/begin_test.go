package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/uuid"

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

// The same of an upload that can be resumed: what S3 has begun is recorded, or aborted.
func TestW16_ResumableBeginningsAreKept(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		options := small()
		var r *rig.Rig
		options.Wire = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(q *http.Request) (*http.Response, error) {
				if q.Method != http.MethodPost || !q.URL.Query().Has("uploads") {
					return next.RoundTrip(q)
				}
				response, err := next.RoundTrip(q.WithContext(context.WithoutCancel(q.Context())))
				leave()
				if broken {
					_ = r.DB.Close()
				}
				if q.Context().Err() != nil { // as the transport does
					_ = response.Body.Close()
					return nil, q.Context().Err()
				}
				return response, err
			})
		}
		r = rig.New(t, options)
		_, err := r.Store.BeginUpload(ctx, cas.Ref{Org: r.Org(t), Digest: digestOf("x")}, uuid.New(), 100, cas.Label{})
		if (err != nil) != broken {
			t.Errorf("database broken %t: %v", broken, err)
		}
		records := 1
		if broken {
			records = 0
		}
		if left := r.Uploads(t); len(left) != records {
			t.Errorf("database broken %t: unfinished uploads: %q", broken, left)
		}
	}
}

// What is begun is found again, at the limit as well, and without asking S3 to begin it.
func TestBeginAgainAtTheLimit(t *testing.T) {
	t.Parallel()
	options := small()
	options.OpenUploads = 1
	r := rig.New(t, options)
	content, d := rig.Content(part + 10)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	send(t, r.Store, ref, name, 0, content[:part])
	r.Forget()
	state, err := r.Store.BeginUpload(t.Context(), ref, name, int64(len(content)), cas.Label{})
	if err != nil || state.Offset != part || state.Name != name {
		t.Errorf("%+v, %v", state, err)
	}
	if calls := r.Calls(); calls["CreateMultipartUpload"] > 0 {
		t.Errorf("%v", calls)
	}
}
