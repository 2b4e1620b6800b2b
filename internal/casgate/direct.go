package casgate

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/direct"
)

// ExplainedDirect is to direct transfers what Explained is to those through the CAS.
type ExplainedDirect struct {
	direct.Store
	Organizations Organizations
}

func (e ExplainedDirect) explain(ctx context.Context, ref cas.Ref, err error) error {
	return Explained{Organizations: e.Organizations}.explain(ctx, ref.Org, err)
}

// PresignUpload implements direct.Store.
func (e ExplainedDirect) PresignUpload(ctx context.Context, ref cas.Ref, size int64, label cas.Label, life time.Duration) (cas.Presigned, bool, error) {
	p, stored, err := e.Store.PresignUpload(ctx, ref, size, label, life)
	return p, stored, e.explain(ctx, ref, err)
}

// PresignDownload implements direct.Store.
func (e ExplainedDirect) PresignDownload(ctx context.Context, ref cas.Ref, life time.Duration) (cas.Presigned, cas.Info, error) {
	p, info, err := e.Store.PresignDownload(ctx, ref, life)
	return p, info, e.explain(ctx, ref, err)
}

// Stat implements direct.Store.
func (e ExplainedDirect) Stat(ctx context.Context, ref cas.Ref) (cas.Info, error) {
	info, err := e.Store.Stat(ctx, ref)
	return info, e.explain(ctx, ref, err)
}

// Verify implements direct.Store.
func (e ExplainedDirect) Verify(ctx context.Context, ref cas.Ref) (cas.Info, bool, error) {
	info, proven, err := e.Store.Verify(ctx, ref)
	return info, proven, e.explain(ctx, ref, err)
}
