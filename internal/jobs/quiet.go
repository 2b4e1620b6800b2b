package jobs

import (
	"context"
	"log/slog"
)

// quiet drops what River says at INFO: how many jobs it has done, every few seconds. What
// became of a job the reconciler says.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level != slog.LevelInfo && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
