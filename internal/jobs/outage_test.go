package jobs

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An outage of two minutes is three lines, and its end another; the next one is new.
func TestAnOutageIsSaidOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		log := slog.New(slog.NewTextHandler(&text, nil))
		var o outage
		o.ends(t.Context(), log) // there was none
		for range 121 {
			o.goesOn(t.Context(), log, errors.New("connection refused"))
			time.Sleep(time.Second)
		}
		o.ends(t.Context(), log)
		o.ends(t.Context(), log)
		o.goesOn(t.Context(), log, errors.New("connection refused"))
		for what, want := range map[string]int{"no jobs are done here": 4, "jobs are done here again\" after=2m1s": 1, "\n": 5} {
			if got := strings.Count(text.String(), what); got != want {
				t.Errorf("%q is there %d times, want %d, in:\n%s", what, got, want, text.String())
			}
		}
	})
}
