package casgate

import (
	"context"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/registry"
)

// Found is a direct.Recorder that records what nobody confirmed and the sweeper found.
// When there is no place for that, it is found again.
type Found struct {
	direct.Recorder
	Audit *auditlog.Log
}

// Record implements direct.Recorder.
func (f Found) Record(ctx context.Context, a registry.Artifact) error {
	if _, asked := ctx.Value(visitKey{}).(*visit); !asked {
		err := f.Audit.Add(audit.Event{
			Chain: audit.Of(a.Org), Time: time.Now(), Action: audit.ArtifactConfirm, Object: "artifact/" + a.Digest.String(),
			Origin:  audit.Origin{Kind: audit.CASToken, Subject: a.Uploader},
			Details: map[string]string{"file": a.FileName, "size": strconv.FormatInt(a.Size, 10), "created": "true", "found": "by the sweeper"},
		})
		if err != nil {
			return err
		}
	}
	return f.Recorder.Record(ctx, a)
}
