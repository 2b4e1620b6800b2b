package controlplane_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// TestI10_noAWSNamesInAnswers puts AWS names wherever the reconciler might, and looks
// for them in everything that the organization's own and the instance's tokens see.
func TestI10_noAWSNamesInAnswers(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	const secret = "arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-x"
	p.move(t, acme, org.Degraded, "access point "+secret+" is of another bucket")
	if err := p.db.PutSecret(t.Context(), acme.ID, "s", []byte(secret)); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{p.token(t, acme), p.token(t, org.Organization{})} {
		ctx := as(t, token, "acme")
		current, err1 := p.contexts().Current(ctx, nil)
		list, err2 := p.backends().List(ctx, nil)
		described, err3 := p.admin().Describe(ctx, &managedcasv1.OrganizationAdminServiceDescribeRequest{})
		issued, err4 := p.credentials().Get(ctx, &controlplanev1.CASCredentialsServiceGetRequest{Role: 2})
		answers := fmt.Sprint(current, list, described, issued, err1, err2, err3, err4)
		for _, leak := range []string{"arn:", "111122223333", "accesspoint", "eu-west-1"} {
			if strings.Contains(answers, leak) {
				t.Errorf("%q is in %s", leak, answers)
			}
		}
		if described.GetOrganization().GetState() != managedcasv1.Organization_STATE_DEGRADED || described.GetOrganization().GetReason() == "" {
			t.Errorf("%v, %v", described, err3)
		}
		// The list of backends says the same as the organization.
		storage := described.GetConditions()[3]
		if storage.GetMet() || list.GetResult()[0].GetValidationStatus() != controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID {
			t.Errorf("storage %v, backends %v", storage, list)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Pending)
	globex := p.organization(t, "globex", org.Ready)
	provisioned := registry.Condition{Type: registry.Provisioned, Status: registry.True, Reason: "Complete", Message: "all is there"}
	happened := registry.Event{Reason: "Provisioned", Message: "it was made"}
	for range 2 {
		if err := p.db.Report(t.Context(), acme.ID, []registry.Condition{provisioned}, happened); err != nil {
			t.Fatal(err)
		}
	}
	own, instance := p.token(t, acme), p.token(t, org.Organization{})
	for _, tc := range []struct {
		what, token, name string
		code              codes.Code
		met               []bool
	}{
		{"own token", own, "", codes.OK, []bool{true, false, false, false}},
		{"own token by name", own, "acme", codes.OK, []bool{true, false, false, false}},
		{"own token by its id", own, acme.ID.String(), codes.OK, []bool{true, false, false, false}},
		{"own token about another", own, "globex", codes.PermissionDenied, nil},
		{"own token about nobody", own, "initech", codes.PermissionDenied, nil},
		{"instance token", instance, "globex", codes.OK, []bool{false, false, false, true}},
		{"instance token by id", instance, acme.ID.String(), codes.OK, []bool{true, false, false, false}},
		{"instance token by nobody's id", instance, org.NewID().String(), codes.NotFound, nil},
		{"own token by another's id", own, globex.ID.String(), codes.PermissionDenied, nil},
		{"instance token about nobody", instance, "initech", codes.NotFound, nil},
		{"instance token without a name", instance, "", codes.InvalidArgument, nil},
	} {
		resp, err := p.admin().Describe(as(t, tc.token, ""), &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: tc.name})
		wantCode(t, tc.what, err, tc.code)
		var met []bool
		for _, c := range resp.GetConditions() {
			met = append(met, c.GetMet())
		}
		if !slices.Equal(met, tc.met) {
			t.Errorf("%s: conditions %v", tc.what, resp.GetConditions())
		}
		if resp.GetOrganization().GetName() != "acme" {
			continue
		}
		c, reachable, e := resp.GetConditions()[0], resp.GetConditions()[2], resp.GetEvents()[0]
		if c.GetStatus() != "True" || c.GetReason() != "Complete" || c.GetMessage() == "" || !c.GetSince().IsValid() {
			t.Errorf("%s: %v", tc.what, c)
		}
		if reachable.GetType() != "Reachable" || reachable.GetStatus() != "Unknown" || reachable.GetReason() != "Waiting" {
			t.Errorf("%s: what nobody reported is %v", tc.what, reachable)
		}
		if e.GetReason() != "Provisioned" || e.GetCount() != 2 || !e.GetLast().AsTime().After(e.GetFirst().AsTime()) {
			t.Errorf("%s: %v", tc.what, e)
		}
	}
}

// A condition says since when it is as it is, also that of the backend whose record stays
// as it was while its organization needs an operator.
func TestStorageBackendSaysSinceWhen(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	o := p.organization(t, "acme", org.Ready)
	instance := p.token(t, org.Organization{})
	for _, state := range []org.State{org.Degraded, org.Ready} {
		before := o.UpdatedAt
		o = p.move(t, o, state, "")
		resp, err := p.admin().Describe(as(t, instance, ""), &managedcasv1.OrganizationAdminServiceDescribeRequest{Name: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		storage := resp.GetConditions()[3]
		if storage.GetMet() != (state == org.Ready) || !storage.GetSince().AsTime().After(before) {
			t.Errorf("%s since %s, before which it was so until %s", state, o.UpdatedAt, before)
		}
	}
}
