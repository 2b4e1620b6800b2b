// Package modes holds the three modes of session policies against each other on one
// embedded AWS: the same isolation in each, and what happens on the way from one to
// another, when processes disagree.
package modes

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/rig"
)

func modes() []tenancy.SessionPolicyMode {
	return []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC}
}

// transfer stores an artifact and reads it back.
func transfer(t *testing.T, store *cas.Store, id org.ID) error {
	t.Helper()
	content, d := rig.Content(64)
	ref := cas.Ref{Org: id, Digest: d}
	if _, err := store.Put(t.Context(), ref, int64(len(content)), bytes.NewReader(content), cas.Label{FileName: "a"}); err != nil {
		return err
	}
	artifact, err := store.Get(t.Context(), ref)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(artifact)
	if err == nil && !bytes.Equal(got, content) {
		err = errors.New("other bytes")
	}
	return errors.Join(err, artifact.Close())
}

// A rolling update from every mode to every other, one step at a time. Whoever still is in
// the old mode works on; whoever is in the new one works at the latest when the new
// backend has looked at the organization. Until then it is told to try again.
func TestModeChangesWhileProcessesDisagree(t *testing.T) {
	t.Parallel()
	for _, from := range modes() {
		for _, to := range modes() {
			if from == to {
				continue
			}
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				r := rig.New(t, rig.Options{Mode: from})
				id := r.Org(t)
				works := func(when string, store *cas.Store) {
					t.Helper()
					if err := transfer(t, store, id); err != nil {
						t.Errorf("%s: %v", when, err)
					}
				}
				works("before", r.Store)

				next := r.Update(t, to)
				works("provisioned, the old CAS", r.Store)
				err := transfer(t, next.Store, id)
				// What the new mode needs is there already, or not yet.
				if to == tenancy.Inline != (err == nil) {
					t.Errorf("before the new backend, the new CAS: %v", err)
				}
				if err != nil && problem.KindOf(cas.Problem(err)) != problem.Unavailable {
					t.Errorf("before the new backend, the new CAS: %v is %v, want unavailable", err, problem.KindOf(cas.Problem(err)))
				}

				next.Reconcile(t, id)
				works("during, the old CAS", r.Store)
				works("during, the new CAS", next.Store)
				r.Reconcile(t, id) // an old backend that is still there
				works("both backends, the old CAS", r.Store)
				works("both backends, the new CAS", next.Store)
			})
		}
	}
}

// I2: a session is limited by exactly what its mode says, and by nothing that is stored.
func TestI2_EveryModePassesItsPolicy(t *testing.T) {
	t.Parallel()
	for _, mode := range modes() {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, rig.Options{Mode: mode})
			id := r.Org(t)
			if err := transfer(t, r.Store, id); err != nil {
				t.Fatal(err)
			}
			passed := r.Installation.Tenant(id).PassedPolicy()
			if !passed.Scopes() || (passed.Text != "") != (mode == tenancy.Inline) {
				t.Errorf("passed %+v", passed)
			}
			if mode == tenancy.Inline {
				return
			}
			// Without its policy no session is made, and those that are out can do nothing.
			old := r.Session(t, id)
			if err := r.Operator().DeletePolicy(t.Context(), passed.ARN); err != nil {
				t.Fatal(err)
			}
			if err := transfer(t, r.Store, id); problem.KindOf(cas.Problem(err)) != problem.Unavailable {
				t.Errorf("without its policy: %v", err)
			}
			if err := transfer(t, r.Holding(t, old), id); problem.KindOf(cas.Problem(err)) != problem.Unavailable {
				t.Errorf("a session that lost its policy: %v", err)
			}
		})
	}
}
