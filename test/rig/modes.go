package rig

import (
	"context"
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Processes are a backend and a CAS that a rolling update starts beside the Rig's own, on
// the same AWS and the same database.
type Processes struct {
	Installation tenancy.Installation
	Store        *cas.Store
	reconciler   *reconcile.Reconciler
}

// Update provisions the installation for another mode of session policies, and starts
// processes that have it.
func (r *Rig) Update(t testing.TB, mode tenancy.SessionPolicyMode) Processes {
	t.Helper()
	in := r.provision(t, mode)
	store, _ := r.newStore(t, r.cloud(t, r.identity(t, "cas-"+string(mode), in.CASRoleARN(), mode), r.network), in)
	return Processes{Installation: in, Store: store, reconciler: r.newReconciler(in)}
}

// Reconcile has the new backend look at an organization.
func (p Processes) Reconcile(t testing.TB, id org.ID) {
	t.Helper()
	must(t, p.reconciler.Reconcile(t.Context(), id))
}

// Operator is the account's root.
func (r *Rig) Operator() *awscloud.Cloud { return r.operator }

// Holding returns a store whose requests all run with one session.
func (r *Rig) Holding(t testing.TB, s session.Session) *cas.Store {
	t.Helper()
	workload := r.cloud(t, r.workload, r.network)
	store, err := cas.New(cas.Config{
		Sessions: held{s}, Open: func(s session.Session) cas.Objects { return workload.Objects(s) }, Ledger: r.DB,
	})
	must(t, err)
	return store
}

type held struct{ session session.Session }

func (h held) For(context.Context, org.ID) (session.Session, error) { return h.session, nil }

func (h held) Drop(org.ID, session.Credentials) {}
