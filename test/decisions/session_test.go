package decisions_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	iameval "github.com/managedcas/managedcas/internal/iam"
)

// TestSessionPolicyIsReadLive: only the ARN is in the session, so a new default
// version changes sessions that exist, and without the policy nothing is left that
// allows (facts AWS §3.3, §5).
func TestSessionPolicyIsReadLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	a := w.sessionA()
	read := get(apARN(apA), "orgA/x")
	noSession := notAllowed(iameval.LayerSession, "s3:GetObject", apARN(apA)+"/object/orgA/x")
	allowedBy(ownObject...).check(t, w, a, read(t.Context(), a))

	narrower := policy(allow("S0Other", readWrite, apARN(apA)+"/object/orgA/other"))
	_, err := w.root.iam().CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{
		PolicyArn: aws.String(s0ARN), PolicyDocument: aws.String(narrower.text(t)), SetAsDefault: true,
	})
	w.must(err)
	noSession.check(t, w, a, read(t.Context(), a))

	_, err = w.root.iam().SetDefaultPolicyVersion(t.Context(), &iam.SetDefaultPolicyVersionInput{PolicyArn: aws.String(s0ARN), VersionId: aws.String("v1")})
	w.must(err)
	allowedBy(ownObject...).check(t, w, a, read(t.Context(), a))

	_, err = w.root.iam().DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: aws.String(s0ARN), VersionId: aws.String("v2")})
	w.must(err)
	_, err = w.root.iam().DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: aws.String(s0ARN)})
	w.must(err)
	noSession.check(t, w, a, read(t.Context(), a))
}

// TestRecreatedRole: the new role has the old one's name and ARN and nothing else.
func TestRecreatedRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	before := w.roleID
	w.recreateRole()
	if w.roleID == before {
		t.Fatalf("the new role has the old id %s", before)
	}
	// P0 written again for the new id lets the new session in.
	a := w.sessionA()
	read := get(apARN(apA), "orgA/x")
	deniedBy(iameval.LayerResource, "P0Others").check(t, w, a, read(t.Context(), a))
	w.must(w.putAPPolicy(apA, w.base().ap[apA]))
	allowedBy(ownObject...).check(t, w, a, read(t.Context(), a))
}
