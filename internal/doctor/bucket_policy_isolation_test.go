package doctor

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// The last net would catch what the checks before it are there to name: organizations that are
// kept from their own, and those that one more mistake lets reach each other's.
func TestTheLastNetHolds(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	if found, err := unproven(in, in.BucketPolicy()); err != nil || len(found) != 0 {
		t.Fatalf("of the installation's own policy: %v, %v", found, err)
	}
	everything := iam.Statement{
		Sid: "Everything", Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{in.BaseRoleARN()}},
		Actions: []string{"s3:*"}, Resources: []string{in.BucketARN(), in.BucketARN() + "/*"},
	}
	noDeny := func(st *iam.Statement) bool { return st.Effect != iam.Deny }
	for name, row := range map[string]struct {
		policy   *iam.Document
		evidence string
	}{
		"no delegation":               {edit(in.BucketPolicy(), dropSid("DelegateObjectsToAccessPoints")), "s3:GetObject"},
		"everything for the sessions": {also(edit(in.BucketPolicy(), noDeny), everything), "bucket"},
	} {
		found, err := unproven(in, row.policy)
		if err != nil || len(found) != 1 || found[0].Code != "bucket-policy-isolation" {
			t.Errorf("%s: %v, %v", name, found, err)
			continue
		}
		if f := found[0]; f.Status != Failed || !strings.Contains(f.Evidence, row.evidence) {
			t.Errorf("%s: %s, %s", name, f.Status, f.Evidence)
		}
	}
}
