package rig

import (
	"context"
	"sync/atomic"

	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Reads counts what the CAS reads besides AWS.
type Reads struct {
	secrets, organizations atomic.Int64
}

// Reads returns how often the CAS has read an organization's coordinates and its record.
func (r *Rig) Reads() (secrets, organizations int64) {
	return r.reads.secrets.Load(), r.reads.organizations.Load()
}

// Connections is how many the embedded AWS has accepted, from everybody.
func (r *Rig) Connections() int64 { return r.accepted.Load() }

type countedSecrets struct {
	session.Secrets
	by *Reads
}

func (c countedSecrets) Coordinates(ctx context.Context, id org.ID) (tenancy.Coordinates, error) {
	c.by.secrets.Add(1)
	return c.Secrets.Coordinates(ctx, id)
}

type countedOrganizations struct {
	casgate.Organizations
	by *Reads
}

func (c countedOrganizations) OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error) {
	c.by.organizations.Add(1)
	return c.Organizations.OrganizationByID(ctx, id)
}
