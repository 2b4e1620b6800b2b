package s3policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/s3policy"
	"github.com/managedcas/managedcas/internal/iam"
)

const (
	bucket = "arn:aws:s3:::shared"
	point  = "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-a"

	invalidAction   = "Policy has invalid action"
	invalidResource = "Policy has invalid resource"
	noResource      = "Action does not apply to any resource(s) in statement"
	invalidKey      = "Policy has an invalid condition key"
	keyOfNone       = "Conditions do not apply to combination of actions and resources in statement"

	reference = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"
	uploads   = "https://github.com/humanmade/S3-Uploads/issues/239"
	gateway   = "https://github.com/versity/versitygw/issues/645"
	wandb     = "https://github.com/wandb/terraform-aws-wandb/issues/156"
	points    = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html"
	lists     = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html"
	encrypt   = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
	ours      = "deploy/policies"
)

// row is one statement and the text that S3 refuses it with; none if S3 takes it.
type row struct {
	about     string
	statement string
	want      string
	source    string
}

func statement(actions, resources, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Effect":"Deny","Principal":"*","Action":` + actions + `,"Resource":` + resources + condition + `}`
}

func TestBucketPolicy(t *testing.T) {
	t.Parallel()
	const (
		self    = `"` + bucket + `"`
		objects = `"` + bucket + `/*"`
		both    = "[" + self + "," + objects + "]"
		prefix  = `{"StringLike":{"s3:prefix":"a/*"}}`
		through = `{"StringNotLike":{"s3:DataAccessPointArn":"` + point + `"}}`
	)
	run(t, iam.KindBucket, bucket, s3policy.CheckBucket, []row{
		{"action of another service", statement(`"kms:Decrypt"`, objects, ""), invalidAction, reference},
		{"action of S3 Express", statement(`"s3express:CreateSession"`, objects, ""), invalidAction, reference},
		{"mistyped action", statement(`"s3:GetObjekt"`, objects, ""), invalidAction, reference},
		{"an operation is not an action", statement(`"s3:ListObjectsV2"`, self, ""), invalidAction, reference},
		{"pattern of nothing", statement(`"s3:Fetch*"`, objects, ""), invalidAction, reference},
		{"one bad action among good ones", statement(`["s3:GetObject","s3:GetObjekt"]`, objects, ""), invalidAction, reference},
		{"mistyped NotAction", `{"Effect":"Deny","Principal":"*","NotAction":"s3:GetObjekt","Resource":` + objects + `}`, invalidAction, reference},

		{"another bucket", statement(`"s3:GetObject"`, `"arn:aws:s3:::other/*"`, ""), invalidResource, reference},
		{"bucket of a longer name", statement(`"s3:GetObject"`, `"arn:aws:s3:::shared-2/*"`, ""), invalidResource, reference},
		{"all but another bucket", `{"Effect":"Deny","Principal":"*","Action":"s3:*","NotResource":"arn:aws:s3:::other/*"}`, invalidResource, reference},

		{"object action on the bucket", statement(`"s3:PutObject"`, self, ""), noResource, gateway},
		{"bucket action on objects", statement(`"s3:ListBucket"`, objects, ""), noResource, uploads},
		{"one of two on the wrong resource", statement(`["s3:GetObject*","s3:ListBucket"]`, objects, ""), noResource, wandb},
		{"pattern on the wrong resource", statement(`"s3:ListBucket*"`, objects, ""), noResource, reference},
		{"action of the account", statement(`"s3:ListAllMyBuckets"`, both, ""), noResource, reference},
		{"action of an access point", statement(`"s3:PutAccessPointPolicy"`, both, ""), noResource, reference},

		{"mistyped key", statement(`"s3:ListBucket"`, self, `{"StringLike":{"s3:prefx":"a/*"}}`), invalidKey, reference},
		{"key of another service", statement(`"s3:GetObject"`, objects, `{"StringEquals":{"kms:ViaService":"s3"}}`), invalidKey, reference},
		{"tag key without a tag", statement(`"s3:GetObject"`, objects, `{"StringEquals":{"s3:ExistingObjectTag/":"x"}}`), invalidKey, reference},
		{"tag on a key without tags", statement(`"s3:ListBucket"`, self, `{"StringEquals":{"s3:prefix/x":"x"}}`), invalidKey, reference},
		{"mistyped key with NotAction", `{"Effect":"Deny","Principal":"*","NotAction":"s3:GetObject","Resource":` + objects + `,"Condition":{"Null":{"s3:prefx":"true"}}}`, invalidKey, reference},

		{"key of another action", statement(`"s3:GetObject"`, objects, prefix), keyOfNone, reference},
		{"key of one of two actions", statement(`["s3:ListBucket","s3:GetBucketLocation"]`, self, prefix), keyOfNone, uploads},
		{"pattern without the key", statement(`"s3:Get*"`, both, prefix), keyOfNone, reference},
		{"pattern whose action with the key has no resource", statement(`"s3:*"`, objects, prefix), keyOfNone, reference},
		{"key of another action with NotResource", `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","NotResource":` + objects + `,"Condition":` + prefix + `}`, keyOfNone, reference},

		{"every action", statement(`"*"`, both, `{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`), "", points},
		{"case has no meaning", statement(`"S3:getobject"`, objects, `{"Bool":{"AWS:securetransport":"false"}}`), "", reference},
		{"listing by prefix", statement(`"s3:ListBucket"`, self, prefix), "", lists},
		{"key in another case", statement(`"s3:ListBucket"`, self, `{"StringLike":{"S3:Prefix":"a/*"}}`), "", reference},
		{"pattern of which one action has the key", statement(`"s3:ListBucket*"`, self, prefix), "", ours},
		{"resource more than needed", statement(`"s3:GetObject"`, both, ""), "", uploads},
		{"encryption", statement(`"s3:PutObject"`, objects, `{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}`), "", encrypt},
		{"TLS version of everything", statement(`"s3:*"`, both, `{"NumericLessThan":{"s3:TlsVersion":1.2}}`), "", lists},
		{"tags of objects", statement(`["s3:GetObject","s3:GetObjectVersion"]`, objects, `{"StringEquals":{"s3:ExistingObjectTag/org":"x"}}`), "", reference},
		{"objects only through access points", statement(`["s3:GetObject*","s3:Replicate*","s3:BypassGovernanceRetention"]`, objects, through), "", ours},
		{"NotAction", `{"Effect":"Deny","Principal":"*","NotAction":"s3:GetObject","Resource":` + self + `,"Condition":` + prefix + `}`, "", reference},
		{"NotResource", `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject*","NotResource":"` + bucket + `/a/*"}`, "", ours},
	})
}

func TestAccessPointPolicy(t *testing.T) {
	t.Parallel()
	const (
		self    = `"` + point + `"`
		objects = `"` + point + `/object/*"`
	)
	run(t, iam.KindAP, point, s3policy.CheckAccessPoint, []row{
		{"objects without /object/", statement(`"s3:GetObject"`, `"`+point+`/*"`, ""), invalidResource, points},
		{"key without /object/", statement(`"s3:GetObject"`, `"`+point+`/a/b"`, ""), invalidResource, points},
		{"one resource of two", statement(`"s3:GetObject"`, `[`+objects+`,"`+point+`/*"]`, ""), invalidResource, points},
		{"all but objects without /object/", `{"Effect":"Deny","Principal":"*","Action":"s3:*","NotResource":"` + point + `/*"}`, invalidResource, points},
		{"the bucket", statement(`"s3:GetObject"`, `"`+bucket+`/*"`, ""), invalidResource, points},
		{"mistyped action", statement(`"s3:GetObjekt"`, objects, ""), invalidAction, reference},
		{"object action on the access point", statement(`"s3:GetObject"`, self, ""), noResource, reference},
		{"listing of objects", statement(`"s3:ListBucket"`, objects, ""), noResource, reference},
		{"bucket action that no access point has", statement(`"s3:PutBucketPolicy"`, self, ""), noResource, reference},
		{"object action that no access point has", statement(`"s3:GetObjectTorrent"`, objects, ""), noResource, reference},
		{"mistyped key", statement(`"s3:ListBucket"`, self, `{"StringLike":{"s3:prefx":"a/*"}}`), invalidKey, reference},
		{"key of another action", statement(`"s3:GetObject"`, objects, `{"StringLike":{"s3:prefix":"a/*"}}`), keyOfNone, reference},

		{"objects", statement(`["s3:GetObject","s3:PutObject","s3:AbortMultipartUpload"]`, objects, ""), "", points},
		{"listing", statement(`"s3:ListBucket"`, self, `{"StringLike":{"s3:prefix":"a/*"}}`), "", points},
		{"management", statement(`["s3:PutAccessPointPolicy","s3:DeleteAccessPoint*"]`, self, ""), "", reference},
		{"origin", statement(`"s3:*"`, `[`+self+`,`+objects+`]`, `{"StringNotEquals":{"s3:AccessPointNetworkOrigin":"VPC"}}`), "", points},
	})
}

func run(t *testing.T, kind iam.Kind, arn string, check func(*iam.Document, string) error, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.about, func(t *testing.T) {
			t.Parallel()
			doc, err := iam.Parse(kind, []byte(`{"Version":"2012-10-17","Statement":[`+r.statement+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			err = check(doc, arn)
			if r.want == "" {
				if err != nil {
					t.Errorf("refused: %v (%s)", err, r.source)
				}
				return
			}
			var refused *api.Error
			if !errors.As(err, &refused) || refused.Status != 400 || refused.Code != "MalformedPolicy" || !strings.HasPrefix(refused.Message, r.want+":") {
				t.Errorf("got %v, want MalformedPolicy: %s (%s)", err, r.want, r.source)
			}
		})
	}
}
