package doctor

import (
	"context"
	"slices"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

func TestBaseRoleMadeAnew(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	self, _ := tenants(in)
	const id = "AROABASEROLE00000001"
	for name, row := range map[string]struct {
		policy *iam.Document
		err    error
		want   []string
	}{
		"as it is":         {self.APPolicy(id), nil, nil},
		"for another role": {self.APPolicy("AROAOLDBASEROLE00001"), nil, []string{"base-role-recreated"}},
		"for both": {edit(self.APPolicy(id), func(st *iam.Statement) bool {
			for i, c := range st.Conditions {
				if c.Key == "aws:userid" {
					st.Conditions[i].Values = append(slices.Clone(c.Values), "AROAOLDBASEROLE00001:"+self.SessionName())
				}
			}
			return true
		}), nil, nil},
		"not to be seen": {nil, cloud.ErrDenied, nil},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		p := policySeen{Name: self.APName(), Text: Seen[[]byte]{Err: row.err}}
		if row.policy != nil {
			p.Text.Value = jsonOf(row.policy)
		}
		o.AccessPointPolicies = []policySeen{p}
		if found := sound(t, o, sessionChecks()); !slices.Equal(found, row.want) {
			t.Errorf("%s: found %v, want %v", name, found, row.want)
		}
		if unseen := sessionChecks()[0].result(o).Status == Unseen; unseen != (row.err != nil) {
			t.Errorf("%s: unseen %v", name, unseen)
		}
	}
}

func TestSamplesAreFewAndOurs(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	self, other := tenants(in)
	account := accountSeen{AccessPoints: seen([]cloud.AccessPoint{
		{Name: "cas-backup", Bucket: in.BucketName}, {Name: other.APName(), Bucket: "another"},
		{Name: self.APName(), Bucket: in.BucketName}, {Name: self.APName(), Bucket: in.BucketName},
		{Name: self.APName(), Bucket: in.BucketName}, {Name: self.APName(), Bucket: in.BucketName},
	}, nil)}
	var asked []string
	d := New(Config{Installation: in, AccessPointPolicies: asking(func(name string) { asked = append(asked, name) })})
	o := d.observeSessions(t.Context(), account)
	if want := []string{self.APName(), self.APName(), self.APName()}; !slices.Equal(asked, want) || len(o.AccessPointPolicies) != samples {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

type asking func(name string)

func (a asking) AccessPointPolicy(_ context.Context, name string) ([]byte, error) {
	a(name)
	return nil, nil
}

func TestPackedSize(t *testing.T) {
	t.Parallel()
	for percent, want := range map[int]bool{0: false, 90: false, 91: true, 100: true} {
		f, near := packedFinding(guideInstallation(t), percent)
		if near != want {
			t.Errorf("%d%%: %v", percent, near)
		}
		if near {
			complete(t, f)
		}
	}
}
