package jobs

import (
	"log/slog"
	"strings"
	"testing"
)

// What River counts is no news; what goes wrong is.
func TestQuiet(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	log := slog.New(quiet{slog.NewTextHandler(&text, nil)}).With("about", "jobs").WithGroup("g")
	log.Info("producer job counts")
	log.Debug("more")
	log.Warn("lost", "n", 1)
	if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "msg=lost about=jobs g.n=1") {
		t.Errorf("logged %q", got)
	}
}
