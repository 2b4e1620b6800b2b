package jobs

import (
	"context"
	"log/slog"
	"time"
)

// sayEvery is the time between two lines of the log about the same outage: a worker tries
// again every second, and a database may be away for hours.
const sayEvery = time.Minute

// outage is the time in which a worker cannot live, as the log has it.
type outage struct{ began, said time.Time }

func (o *outage) goesOn(ctx context.Context, log *slog.Logger, err error) {
	now := time.Now()
	if o.began.IsZero() {
		o.began = now
	}
	if !o.said.IsZero() && now.Sub(o.said) < sayEvery {
		return
	}
	o.said = now
	log.ErrorContext(ctx, "no jobs are done here; it is tried again every second",
		"since", o.began.UTC().Format(time.RFC3339), "error", err)
}

func (o *outage) ends(ctx context.Context, log *slog.Logger) {
	if !o.began.IsZero() {
		log.InfoContext(ctx, "jobs are done here again", "after", time.Since(o.began).Round(time.Second))
	}
	*o = outage{}
}
