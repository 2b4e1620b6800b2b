package service_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/service"
)

// However many ask at the same time, one look at a time is taken.
func TestReadinessIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	var looking, most, looks atomic.Int64
	handler := service.Health("v1", map[string]service.Check{"slow": func(context.Context) error {
		looks.Add(1)
		if now := looking.Add(1); now > most.Load() {
			most.Store(now)
		}
		<-time.After(5 * time.Millisecond)
		looking.Add(-1)
		return nil
	}})
	var probes sync.WaitGroup
	for range 100 {
		probes.Go(func() {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if w.Code != http.StatusOK {
				t.Errorf("HTTP %d %s", w.Code, w.Body)
			}
		})
	}
	probes.Wait()
	if most.Load() != 1 || looks.Load() == 100 {
		t.Errorf("%d looks, %d of them at the same time", looks.Load(), most.Load())
	}
}
