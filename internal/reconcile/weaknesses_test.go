package reconcile_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
)

// W23: looking whether an organization's storage is right leaves no object behind, for it
// writes none: what it asks AWS are questions.
func TestW23_LookingLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	r := w.reconciler(t, w.network)
	for range 3 {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range w.aws.Journal().Entries(journal.Filter{Service: "s3"}) {
		if strings.Contains(e.Operation, "Object") || strings.Contains(e.Operation, "Upload") {
			t.Errorf("%s of %s by %s", e.Operation, e.Resource, e.Caller)
		}
	}
	w.aws.Journal().Clear()
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	looked := w.aws.Journal().Entries(journal.Filter{})
	for _, e := range looked {
		if !strings.HasPrefix(e.Operation, "Get") && !strings.HasPrefix(e.Operation, "List") {
			t.Errorf("looking at what is right makes a %s", e.Operation)
		}
	}
	if len(looked) == 0 {
		t.Error("nothing was looked at")
	}
}

// W24: the time that an organization may take reaches the calls of AWS that are made for
// it, and one whose calls hang holds up no other. The end of the process ends them as well.
func TestW24_ATimeoutReachesAWS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stuck, other := w.organization(t), w.organization(t)
	hangs := &hanging{next: w.network, name: w.in.Tenant(stuck.ID).APName(), hung: make(chan struct{})}
	r := w.reconciler(t, hangs)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-hangs.hung
	w.await(t, other.ID, org.Ready)
	if hangs.left <= 0 || hangs.left > time.Minute {
		t.Errorf("the call of AWS that hangs had %s left", hangs.left)
	}
	stop()
	if err := <-ended; err != nil { // it waits for the call
		t.Error(err)
	}
	if o, err := w.db.OrganizationByID(t.Context(), stuck.ID); err != nil || o.State != org.Pending {
		t.Errorf("%+v, %v", o, err)
	}
}

// hanging lets no request through that names an access point, until its context ends.
type hanging struct {
	next http.RoundTripper
	name string
	once sync.Once
	hung chan struct{}
	left time.Duration // of the time of the first that hung
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, h.name) {
		return h.next.RoundTrip(r)
	}
	h.once.Do(func() {
		deadline, _ := r.Context().Deadline()
		h.left = time.Until(deadline)
		close(h.hung)
	})
	<-r.Context().Done()
	return nil, r.Context().Err()
}
