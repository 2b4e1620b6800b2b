package casgate

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
)

// Audited is a Store that tells the record of a request what became of it.
type Audited struct{ Store }

// Put implements Store.
func (a Audited) Put(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	created, err := a.Store.Put(ctx, ref, length, body, label)
	noteUpload(ctx, ref, length, label, created, err)
	return created, err
}

// Offer implements Store.
func (a Audited) Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	created, err := a.Store.Offer(ctx, ref, length, body, label)
	noteUpload(ctx, ref, length, label, created, err)
	return created, err
}

func noteUpload(ctx context.Context, ref cas.Ref, length int64, label cas.Label, created bool, err error) {
	note(ctx, ref, func(n *noted) {
		n.detail("file", string(label.FileName))
		if length != cas.UnknownLength {
			n.detail("size", strconv.FormatInt(length, 10))
		}
		if err == nil {
			n.detail("created", strconv.FormatBool(created))
		}
	})
}

// GetRange implements Store.
func (a Audited) GetRange(ctx context.Context, ref cas.Ref, want cas.Range) (*cas.Artifact, error) {
	artifact, err := a.Store.GetRange(ctx, ref, want)
	note(ctx, ref, func(n *noted) {
		if err != nil {
			return
		}
		n.detail("size", strconv.FormatInt(artifact.Info.Size, 10))
		n.detail("file", string(artifact.Info.FileName))
		if !artifact.Whole() {
			n.detail("offset", strconv.FormatInt(artifact.Part.Offset, 10))
			n.detail("length", strconv.FormatInt(artifact.Part.Length, 10))
		}
	})
	return artifact, err
}

// Stat implements Store.
func (a Audited) Stat(ctx context.Context, ref cas.Ref) (cas.Info, error) {
	info, err := a.Store.Stat(ctx, ref)
	note(ctx, ref, func(*noted) {})
	return info, err
}

// AuditedUploads are Uploads that do the same.
type AuditedUploads struct{ Uploads }

func noteState(ctx context.Context, ref cas.Ref, name uuid.UUID, state cas.Upload, err error) {
	note(ctx, ref, func(n *noted) {
		n.detail("upload", name.String())
		if err == nil {
			n.detail("received", strconv.FormatInt(state.Offset, 10))
			n.detail("complete", strconv.FormatBool(state.Complete))
		}
	})
}

// BeginUpload implements Uploads.
func (a AuditedUploads) BeginUpload(ctx context.Context, ref cas.Ref, name uuid.UUID, length int64, label cas.Label) (cas.Upload, error) {
	state, err := a.Uploads.BeginUpload(ctx, ref, name, length, label)
	noteState(ctx, ref, name, state, err)
	note(ctx, ref, func(n *noted) { n.detail("file", string(label.FileName)) })
	return state, err
}

// Append implements Uploads.
func (a AuditedUploads) Append(ctx context.Context, ref cas.Ref, name uuid.UUID, piece cas.Append) (cas.Upload, error) {
	state, err := a.Uploads.Append(ctx, ref, name, piece)
	noteState(ctx, ref, name, state, err)
	return state, err
}

// CancelUpload implements Uploads.
func (a AuditedUploads) CancelUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) error {
	err := a.Uploads.CancelUpload(ctx, ref, name)
	note(ctx, ref, func(n *noted) { n.cancels = true; n.detail("upload", name.String()) })
	return err
}

// Transfers hand out requests that clients send to S3 themselves.
type Transfers interface {
	Upload(ctx context.Context, grant cas.Grant, u direct.Upload, ifRecommended bool) (p cas.Presigned, stored bool, err error)
	Download(ctx context.Context, grant cas.Grant, d digest.Digest, ifRecommended bool) (cas.Presigned, cas.Info, error)
	Confirm(ctx context.Context, grant cas.Grant, d digest.Digest) (size int64, created bool, err error)
}

// AuditedTransfers are Transfers that do the same. What is signed is recorded without its
// URL, which is as good as the transfer, and names AWS resources (DESIGN I10).
type AuditedTransfers struct{ Transfers }

func noteSigned(ctx context.Context, ref cas.Ref, operation, file string, size int64, p cas.Presigned) {
	note(ctx, ref, func(n *noted) {
		n.signs = true
		n.detail("operation", operation)
		n.detail("file", file)
		n.detail("size", strconv.FormatInt(size, 10))
		if !p.ExpiresAt.IsZero() {
			n.detail("expires", p.ExpiresAt.UTC().Format(time.RFC3339))
		}
	})
}

// Upload implements Transfers.
func (a AuditedTransfers) Upload(ctx context.Context, grant cas.Grant, u direct.Upload, ifRecommended bool) (cas.Presigned, bool, error) {
	p, stored, err := a.Transfers.Upload(ctx, grant, u, ifRecommended)
	noteSigned(ctx, cas.Ref{Org: grant.Org, Digest: u.Digest}, "upload", u.FileName, u.Size, p)
	return p, stored, err
}

// Download implements Transfers.
func (a AuditedTransfers) Download(ctx context.Context, grant cas.Grant, d digest.Digest, ifRecommended bool) (cas.Presigned, cas.Info, error) {
	p, info, err := a.Transfers.Download(ctx, grant, d, ifRecommended)
	noteSigned(ctx, cas.Ref{Org: grant.Org, Digest: d}, "download", string(info.FileName), info.Size, p)
	return p, info, err
}

// Confirm implements Transfers.
func (a AuditedTransfers) Confirm(ctx context.Context, grant cas.Grant, d digest.Digest) (int64, bool, error) {
	size, created, err := a.Transfers.Confirm(ctx, grant, d)
	note(ctx, cas.Ref{Org: grant.Org, Digest: d}, func(n *noted) {
		n.confirms = true
		if err == nil {
			n.detail("size", strconv.FormatInt(size, 10))
			n.detail("created", strconv.FormatBool(created))
		}
	})
	return size, created, err
}
