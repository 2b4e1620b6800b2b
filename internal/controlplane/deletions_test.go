package controlplane_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/org"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// gone is an organization that was deleted, with its retention.
func (p *plane) gone(t *testing.T, name org.Name, retention time.Duration) org.Organization {
	t.Helper()
	o := p.organization(t, name, org.Ready)
	p.move(t, o, org.Deleting, "")
	if err := p.db.RetainObjects(t.Context(), o.ID, retention); err != nil {
		t.Fatal(err)
	}
	return p.move(t, o, org.Deleted, "")
}

func TestUndelete(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	admin := as(t, p.token(t, org.Organization{}), "")
	undelete := func(which, name string) (*managedcasv1.OrganizationAdminServiceUndeleteResponse, error) {
		return p.admin().Undelete(admin, &managedcasv1.OrganizationAdminServiceUndeleteRequest{Organization: which, Name: name})
	}
	refused := func(which, name string, code codes.Code, says string) {
		t.Helper()
		_, err := undelete(which, name)
		wantCode(t, which, err, code)
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", which, err, says)
		}
	}
	first := p.gone(t, "acme", time.Hour)
	living := p.organization(t, "acme", org.Ready)
	refused("acme", "", codes.AlreadyExists, "--name")
	refused(living.ID.String(), "", codes.FailedPrecondition, "not deleted")
	refused("globex", "", codes.NotFound, "list --deleted")
	refused(org.NewID().String(), "", codes.NotFound, "")
	refused("Not a name", "", codes.InvalidArgument, "lowercase")
	refused("acme", "Not a name", codes.InvalidArgument, "lowercase")

	back, err := undelete("acme", "acme-again")
	if err != nil || back.GetId() != first.ID.String() || back.GetName() != "acme-again" {
		t.Fatalf("%v, %v", back, err)
	}
	refused(first.ID.String(), "", codes.FailedPrecondition, "not deleted")

	// Of several that had the name, one is meant; those that are being purged are not.
	a, b, purging := p.gone(t, "twice", time.Hour), p.gone(t, "twice", time.Hour), p.gone(t, "twice", 0)
	if err := p.db.BeginPurge(t.Context(), purging.ID, time.Now().Add(time.Minute), time.Minute); err != nil {
		t.Fatal(err)
	}
	refused("twice", "", codes.InvalidArgument, a.ID.String())
	refused("twice", "", codes.InvalidArgument, b.ID.String())
	if _, err := undelete(a.ID.String(), "twice-a"); err != nil {
		t.Fatal(err)
	}
	if back, err := undelete("twice", ""); err != nil || back.GetId() != b.ID.String() {
		t.Errorf("%v, %v", back, err)
	}
	refused("twice", "", codes.FailedPrecondition, "purge of its artifacts has begun")
	refused(purging.ID.String(), "", codes.FailedPrecondition, "purge of its artifacts has begun")
}

func TestListDeleted(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	admin := as(t, p.token(t, org.Organization{}), "")
	p.organization(t, "living", org.Ready)
	retained, purging, purged := p.gone(t, "retained", time.Hour), p.gone(t, "purging", 0), p.gone(t, "purged", 0)
	deleting := p.organization(t, "deleting", org.Ready)
	p.move(t, deleting, org.Deleting, "")
	later := time.Now().Add(time.Minute)
	for _, o := range []org.Organization{purging, purged} {
		if err := p.db.BeginPurge(t.Context(), o.ID, later, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.db.FinishPurge(t.Context(), purged.ID, later); err != nil {
		t.Fatal(err)
	}
	want := map[string]managedcasv1.DeletedOrganization_Stage{
		retained.ID.String(): managedcasv1.DeletedOrganization_STAGE_RETAINED,
		purging.ID.String():  managedcasv1.DeletedOrganization_STAGE_PURGING,
		purged.ID.String():   managedcasv1.DeletedOrganization_STAGE_PURGED,
		deleting.ID.String(): managedcasv1.DeletedOrganization_STAGE_DELETING,
	}
	last := ""
	for cursor := ""; ; {
		page, err := p.admin().ListDeleted(admin, &managedcasv1.OrganizationAdminServiceListDeletedRequest{Cursor: cursor, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.GetOrganizations() {
			if want[o.GetId()] != o.GetStage() || o.GetId() <= last {
				t.Errorf("%v after %s, want stage %s", o, last, want[o.GetId()])
			}
			if known := o.GetStage() != managedcasv1.DeletedOrganization_STAGE_DELETING; (o.GetPurgeAt() != nil) != known {
				t.Errorf("%v: when is it purged?", o)
			}
			delete(want, o.GetId())
			last = o.GetId()
		}
		if cursor = page.GetNextCursor(); cursor == "" {
			break
		}
	}
	if len(want) != 0 {
		t.Errorf("not listed: %v", want)
	}
	for _, limit := range []int32{-1, 101} {
		_, err := p.admin().ListDeleted(admin, &managedcasv1.OrganizationAdminServiceListDeletedRequest{Limit: limit})
		wantCode(t, "limit", err, codes.InvalidArgument)
	}
	_, err := p.admin().ListDeleted(admin, &managedcasv1.OrganizationAdminServiceListDeletedRequest{Cursor: "x"})
	wantCode(t, "cursor", err, codes.InvalidArgument)
}
