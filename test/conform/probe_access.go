package conform

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// tenant is one access point on a bucket of its own, and a role that is to use it.
type tenant struct {
	bucket, accessPoint string
	role                role
}

// newTenant makes one; the role's permissions are those that grant returns, and neither
// bucket nor access point has a policy. The key "mine/x" is there.
func newTenant(t *testing.T, target Target, grant func(bucket, accessPoint string) []statement) tenant {
	t.Helper()
	bucket := newBucket(t, target)
	ap := newAccessPoint(t, target, bucket)
	store(t, s3.NewFromConfig(target.Config), bucket, "mine/x")
	return tenant{bucket, ap, newRole(t, target, grant(bucket, ap)...)}
}

// objectsOf are the objects below mine/ by the access point's ARN.
func objectsOf(accessPoint string) statement {
	return allow(accessPoint+"/object/mine/*", "s3:GetObject", "s3:PutObject")
}

func byAccessPoint(_, accessPoint string) []statement { return []statement{objectsOf(accessPoint)} }

// read gets mine/x through the access point as a session of the role.
func (x tenant) read(t *testing.T, target Target, in sts.AssumeRoleInput) func() error {
	t.Helper()
	client := s3.NewFromConfig(x.role.assume(t, target, in))
	return func() error {
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &x.accessPoint, Key: aws.String("mine/x")})
		if err == nil {
			_ = out.Body.Close()
		}
		return err
	}
}

func contextProbes() []probe {
	return []probe{
		{
			"P1", "the role may by the access point's ARN, the bucket has no policy", deniedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, byAccessPoint)
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{}))
			},
		},
		{
			"P1", "same, and it may by the bucket's ARN", allowedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, func(bucket, ap string) []statement {
					return []statement{objectsOf(ap).and("arn:aws:s3:::" + bucket + "/*")}
				})
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{}))
			},
		},
		{
			"P2", "the bucket delegates to the role's ARN, the session policy has the access point's ARN only", deniedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, byAccessPoint)
				setPolicy(t, target, x.bucket, allow("arn:aws:s3:::"+x.bucket+"/*", "s3:GetObject").to(x.role.arn).
					when("StringEquals", "s3:DataAccessPointAccount", target.AccountID))
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{Policy: document(t, objectsOf(x.accessPoint))}))
			},
		},
		{
			"P3", "the access point policy grants \"*\" with this aws:userid, the session policy nothing", allowedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, byAccessPoint)
				setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject"))
				setAccessPointPolicy(t, target, x.accessPoint, objectsOf(x.accessPoint).to("*").when("StringEquals", "aws:userid", x.role.id+":conform"))
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{Policy: document(t, allow("*", "s3:ListAllMyBuckets"))}))
			},
		},
		{
			"P3", "same, but it grants to the role's ARN", deniedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, byAccessPoint)
				setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject"))
				setAccessPointPolicy(t, target, x.accessPoint, objectsOf(x.accessPoint).to(x.role.arn))
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{Policy: document(t, allow("*", "s3:ListAllMyBuckets"))}))
			},
		},
		{
			"P4", "the role is denied by the bucket's ARN, allowed otherwise", deniedAnswer,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, func(bucket, ap string) []statement {
					return []statement{objectsOf(ap), deny("arn:aws:s3:::"+bucket+"/*", "s3:GetObject")}
				})
				setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject"))
				return target.observe(t, x.read(t, target, sts.AssumeRoleInput{}))
			},
		},
	}
}

// existenceProbes ask whether the right to list some prefix shows that a key is missing.
func existenceProbes() []probe {
	head := func(list func(ap string) statement) func(*testing.T, Target) string {
		return func(t *testing.T, target Target) string {
			x := newTenant(t, target, func(_, ap string) []statement { return []statement{objectsOf(ap), list(ap)} })
			setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject", "s3:ListBucket"))
			client := s3.NewFromConfig(x.role.assume(t, target, sts.AssumeRoleInput{}))
			return target.observe(t, func() error {
				return failure(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &x.accessPoint, Key: aws.String("mine/none")}))
			})
		}
	}
	listing := func(ap string) statement { return allow(ap, "s3:ListBucket") }
	return []probe{
		{"P7", "HEAD of a missing key with s3:ListBucket for this s3:prefix", "Forbidden 403", head(func(ap string) statement {
			return listing(ap).when("StringLike", "s3:prefix", "mine/*")
		})},
		{"P7", "same without a condition", "NotFound 404", head(listing)},
	}
}

// messageProbes ask for the words of a denial. The product never reads them.
func messageProbes() []probe {
	return []probe{
		{
			"P9", "resource in the message of a denial through an access point", `"AP/object/other/x"`,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, byAccessPoint)
				setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject"))
				client := s3.NewFromConfig(x.role.assume(t, target, sts.AssumeRoleInput{}))
				var message string
				target.observe(t, func() error {
					err := failure(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &x.accessPoint, Key: aws.String("other/x")}))
					if err != nil {
						message = err.Error()
					}
					return err
				})
				_, after, found := strings.Cut(message, " on resource: ")
				resource, _, _ := strings.Cut(after, " ")
				if !found {
					return "none"
				}
				return neutral(resource, x.accessPoint, "AP", x.bucket, "BUCKET")
			},
		},
		{
			"P9", "GET through an access point that is not there, by an administrator", "NoSuchAccessPoint 404",
			func(t *testing.T, target Target) string {
				none := "arn:aws:s3:" + target.Config.Region + ":" + target.AccountID + ":accesspoint/" + target.name("none")
				return target.observe(t, func() error {
					return failure(s3.NewFromConfig(target.Config).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &none, Key: aws.String("x")}))
				})
			},
		},
	}
}
