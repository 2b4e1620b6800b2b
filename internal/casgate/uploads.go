package casgate

import (
	"context"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/cas"
)

// Uploads are uploads that can be resumed, as the servers use them.
type Uploads interface {
	Resumable(length int64) bool
	MinAppend() int64
	BeginUpload(ctx context.Context, ref cas.Ref, name uuid.UUID, length int64, label cas.Label) (cas.Upload, error)
	FindUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error)
	SettleUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error)
	Append(ctx context.Context, ref cas.Ref, name uuid.UUID, a cas.Append) (cas.Upload, error)
	CancelUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) error
}

// ExplainedUploads are Uploads whose failures are explained as those of Explained.
type ExplainedUploads struct {
	Uploads
	Organizations Organizations
}

func (e ExplainedUploads) explain(ctx context.Context, ref cas.Ref, err error) error {
	return Explained{Organizations: e.Organizations}.explain(ctx, ref.Org, err)
}

// BeginUpload implements Uploads.
func (e ExplainedUploads) BeginUpload(ctx context.Context, ref cas.Ref, name uuid.UUID, length int64, label cas.Label) (cas.Upload, error) {
	state, err := e.Uploads.BeginUpload(ctx, ref, name, length, label)
	return state, e.explain(ctx, ref, err)
}

// FindUpload implements Uploads.
func (e ExplainedUploads) FindUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error) {
	state, err := e.Uploads.FindUpload(ctx, ref, name)
	return state, e.explain(ctx, ref, err)
}

// SettleUpload implements Uploads.
func (e ExplainedUploads) SettleUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error) {
	state, err := e.Uploads.SettleUpload(ctx, ref, name)
	return state, e.explain(ctx, ref, err)
}

// Append implements Uploads.
func (e ExplainedUploads) Append(ctx context.Context, ref cas.Ref, name uuid.UUID, a cas.Append) (cas.Upload, error) {
	state, err := e.Uploads.Append(ctx, ref, name, a)
	return state, e.explain(ctx, ref, err)
}

// CancelUpload implements Uploads.
func (e ExplainedUploads) CancelUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) error {
	return e.explain(ctx, ref, e.Uploads.CancelUpload(ctx, ref, name))
}

// UploadMetrics are the counts of uploads in parts.
func UploadMetrics(stats func() cas.UploadStats) []prometheus.Collector {
	counter := func(name, help string, value func(cas.UploadStats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "managedcas", Name: name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "managedcas", Name: "uploads_open", Help: "Unfinished uploads in parts of all processes, as of the last sweep.",
		}, func() float64 { return float64(stats().Open) }),
		counter("uploads_swept_total", "Abandoned uploads that were aborted.", func(s cas.UploadStats) int64 { return s.Swept }),
		counter("uploads_sweep_failures_total", "Abandoned uploads that could not be aborted, and are tried again.", func(s cas.UploadStats) int64 { return s.Failures }),
	}
}
