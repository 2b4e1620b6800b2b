package decisions_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/managedcas/managedcas/internal/iam"
)

// laterRows are rows 41–44 and 46: what changes under a session that was issued, and
// what cannot be put in force at all.
func laterRows() []row {
	return []row{
		{
			n: 41, name: "trust policy tightened afterwards", why: "trust is asked when a session is issued (facts AWS §3.3)",
			after: func(w *world) {
				w.setTrust(policy(allow("TrustAdmin", []string{"sts:AssumeRole"}).to(principal{"AWS": adminARN})))
			},
			want: always(allowedBy(ownObject...)),
		},
		{
			n: 42, name: "I0 edited to deny afterwards", why: "role policies are read live (facts AWS §3.3)",
			after: func(w *world) {
				d := w.base().identity
				d.Statement = append(d.Statement, deny("I0Deny", readWrite, apARN("cas-prod-*")+"/object/*"))
				w.setIdentity(d)
			},
			want: always(deniedBy(iam.LayerIdentity, "I0Deny")),
		},
		{
			n: 43, name: "role deleted, S3", why: "a session dies with its role (facts AWS §3.3)",
			after: (*world).deleteRole, want: always(refused(403, "InvalidAccessKeyId")),
		},
		{
			n: 43, name: "role deleted, STS", why: "a session dies with its role (facts AWS §3.3)",
			after: (*world).deleteRole, call: always(call(identify)), want: always(refused(403, "InvalidClientTokenId")),
		},
		{
			n: 43, name: "role deleted and made again, old session", why: "the name does not revive it (facts AWS §3.3)",
			after: (*world).recreateRole, want: always(refused(403, "InvalidAccessKeyId")),
		},
		{
			n: 44, name: "role made again, new session", why: "aws:userid has a new role id",
			actor: func(w *world) *actor { w.recreateRole(); return w.sessionA() },
			want:  always(deniedBy(iam.LayerResource, "P0Others")),
		},
		{
			n: 44, name: "role made again, P0 without its Deny", why: "the principal was stored as an id, which nobody has now",
			change: func(w *world, d *documents) {
				d.ap[apA].Statement[0].Condition = nil
				d.ap[apA].Statement = d.ap[apA].Statement[:1]
			},
			actor: func(w *world) *actor {
				w.recreateRole()
				w.setIdentity(policy(allow("I0Key", useKey, w.keyARN)))
				return w.sessionA()
			},
			want: always(notAllowed(iam.LayerIdentity, "s3:GetObject", apARN(apA)+"/object/orgA/x")),
		},
		{
			n: 46, name: "P0 with a pattern of user ids", why: "public (facts AWS §2.5), and BlockPublicPolicy is on",
			actor: (*world).asRoot,
			call: func(w *world) call {
				d := policy(allow("Pattern", readWrite, apARN(apA)+"/object/*").to(anyone).when("StringLike", "aws:userid", w.roleID+":*"))
				return func(ctx context.Context, a *actor) error { return w.putAPPolicy(apA, d) }
			},
			want: always(allowedBy().answered(403, "AccessDenied")),
		},
	}
}

// recreateRole deletes T and makes a role of the same name with the same policies.
func (w *world) recreateRole() {
	w.t.Helper()
	d := w.base()
	w.deleteRole()
	w.createRole(d.trust)
	w.setIdentity(d.identity)
}

func inVPC(in *s3control.CreateAccessPointInput) {
	in.VpcConfiguration = &controltypes.VpcConfiguration{VpcId: aws.String("vpc-1a2b3c4d")}
}

func tagged(in *s3.PutObjectInput) { in.Tagging = aws.String("k=v") }

func withChecksum(in *s3.HeadObjectInput) { in.ChecksumMode = s3types.ChecksumModeEnabled }
