package rig

import (
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
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
	store, _ := r.newStore(t, r.cloud(t, r.identity(t, "cas", in.CASRoleARN()), r.network), in)
	return Processes{Installation: in, Store: store, reconciler: r.newReconciler(in)}
}

// Reconcile has the new backend look at an organization.
func (p Processes) Reconcile(t testing.TB, id org.ID) {
	t.Helper()
	must(t, p.reconciler.Reconcile(t.Context(), id))
}

// Operator is the account's root.
func (r *Rig) Operator() *awscloud.Cloud { return r.operator }
