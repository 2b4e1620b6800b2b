package reconcile_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// inProcess reaches an embedded AWS without a network, whose waiting stops the clock of a
// synctest bubble.
type inProcess struct{ aws *emulator.AWS }

func (n inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	arriving := r.Clone(r.Context())
	arriving.RequestURI, arriving.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:2"
	if arriving.Host == "" {
		arriving.Host = r.URL.Host
	}
	if arriving.Method == "" {
		arriving.Method = http.MethodGet
	}
	if arriving.Body == nil {
		arriving.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	n.aws.ServeHTTP(answer, arriving)
	return answer.Result(), nil
}

// newTimelessWorld is a world for a synctest bubble. The target is made outside of it.
func newTimelessWorld(t *testing.T, target string) *world {
	t.Helper()
	aws, err := emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := aws.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{aws: aws, endpoint: "http://127.0.0.1:1", network: inProcess{aws}}
	w.settle(t, target)
	return w
}

// prober probes with the backend's identity.
func (w *world) prober(t *testing.T) *probe.Prober {
	t.Helper()
	c := w.cloud(t, w.identity, w.network)
	sessions, err := session.New(session.Config{Installation: w.in, STS: c, Secrets: w.secrets})
	if err != nil {
		t.Fatal(err)
	}
	return probe.New(probe.Config{
		Installation: w.in, Sessions: sessions, Neighbours: w.db,
		Open: func(s session.Session) probe.Reach { return c.Reach(s) },
	})
}

// prover is a reconciler that has organizations probed.
func (w *world) prover(t *testing.T, prober reconcile.Prober, interval, pause time.Duration) *reconcile.Reconciler {
	t.Helper()
	cfg := w.config(t, w.cloud(t, w.identity, w.network))
	cfg.Standing, cfg.Prober, cfg.ProbeInterval, cfg.ProbePause = w.db, prober, interval, pause
	return reconcile.New(cfg)
}

// reconcile is what the jobs do: again and again for as long as that is asked for.
func reconcileUntil(t *testing.T, r *reconcile.Reconciler, id org.ID) error {
	t.Helper()
	for {
		err := r.Reconcile(t.Context(), id)
		again, ok := errors.AsType[*reconcile.Again](err)
		if !ok {
			return err
		}
		select {
		case <-t.Context().Done():
			return t.Context().Err()
		case <-time.After(again.After):
		}
	}
}

// told are the results that a scripted prober gives, one after the other; then the last
// one for ever.
type told struct{ results []probe.Result }

func (p *told) Probe(context.Context, org.ID) probe.Result {
	r := p.results[0]
	if len(p.results) > 1 {
		p.results = p.results[1:]
	}
	return r
}

var (
	good    = probe.Result{Status: registry.True, Reason: probe.Probed, Message: "good"}
	bad     = probe.Result{Status: registry.False, Reason: probe.AccessDenied, Message: "bad", Detail: errors.New("arn:aws:s3")}
	broken  = probe.Result{Status: registry.False, Reason: probe.IsolationBroken, Message: "broken", Detail: errors.New("arn:aws:s3")}
	unknown = probe.Result{Status: registry.Unknown, Reason: probe.Unanswered, Message: "unknown", Detail: errors.New("503")}
)

// conditions returns "Status/Reason" by type.
func (w *world) conditions(t *testing.T, id org.ID) map[registry.ConditionType]string {
	t.Helper()
	list, err := w.db.Conditions(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	m := map[registry.ConditionType]string{}
	for _, c := range list {
		m[c.Type] = string(c.Status) + "/" + c.Reason
	}
	return m
}

// events returns the counts of an organization's events by reason.
func (w *world) events(t *testing.T, id org.ID) map[string]int64 {
	t.Helper()
	list, err := w.db.Events(t.Context(), id, registry.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int64{}
	for _, e := range list {
		m[e.Reason] += e.Count
	}
	return m
}

func (w *world) state(t *testing.T, id org.ID) org.State {
	t.Helper()
	o, err := w.db.OrganizationByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return o.State
}

func successes() []probe.Result { return []probe.Result{good} }

// start runs r until the test ends.
func start(t *testing.T, r *reconcile.Reconciler) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
