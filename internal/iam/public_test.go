package iam_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestPublic: the meaning of "public" (source of every row: facts AWS §2.5 and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html).
func TestPublic(t *testing.T) {
	t.Parallel()
	const everybody = `"*"`
	rows := []struct {
		name      string
		principal string
		condition string
		bucket    bool // public as a bucket policy
		ap        bool // public as an access point policy
	}{
		{"everybody", everybody, "", true, true},
		{"everybody, long form", `{"AWS":"*"}`, "", true, true},
		{"role", `{"AWS":"` + roleT + `"}`, "", false, false},
		{"account", `{"AWS":"111122223333"}`, "", false, false},
		{"role and everybody", `{"AWS":["` + roleT + `","*"]}`, "", true, true},
		{"service", `{"Service":"cloudtrail.amazonaws.com"}`, "", false, false},
		{"identity provider", `{"Federated":"graph.facebook.com"}`, "", true, true},
		{"role and identity provider", `{"AWS":"` + roleT + `","Federated":"graph.facebook.com"}`, "", true, true},
		{"one VPC", everybody, `{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`, false, false},
		{"any VPC", everybody, `{"StringLike":{"aws:SourceVpc":"vpc-*"}}`, true, true},
		{"StringLike of a fixed value", everybody, `{"StringLike":{"aws:SourceVpce":"vpce-1"}}`, false, false},
		{"negated", everybody, `{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}`, true, true},
		{"IfExists", everybody, `{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}`, true, true},
		{"ForAllValues", everybody, `{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}`, true, true},
		{"one value of several open", everybody, `{"StringLike":{"aws:SourceVpc":["vpc-1","*"]}}`, true, true},
		{"key that fixes nothing", everybody, `{"StringEquals":{"aws:UserAgent":"x"}}`, true, true},
		{"narrow range", everybody, `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, false, false},
		{"range of /8", everybody, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false, false},
		{"range of /7", everybody, `{"IpAddress":{"aws:SourceIp":"10.0.0.0/7"}}`, true, true},
		{"IPv6 range of /32", everybody, `{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}`, false, false},
		{"IPv6 range of /31", everybody, `{"IpAddress":{"aws:SourceIp":"2001:db8::/31"}}`, true, true},
		{"all but a range", everybody, `{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true, true},
		{"one user id", everybody, `{"StringEquals":{"aws:userid":"AROAX:orgA"}}`, false, false},
		{"all sessions of a role", everybody, `{"StringLike":{"aws:userid":"AROAX:*"}}`, true, true},
		{"policy variable", everybody, `{"StringEquals":{"aws:userid":"${aws:PrincipalTag/id}"}}`, true, true},
		{"role, with a policy variable", `{"AWS":"` + roleT + `"}`, `{"StringEquals":{"aws:userid":"${aws:PrincipalTag/id}"}}`, false, false},
		{"organization", everybody, `{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`, false, false},
		// AWS does not list these two; what it does not list is public here.
		{"one caller's ARN", everybody, `{"ArnEquals":{"aws:PrincipalArn":"` + roleT + `"}}`, true, true},
		{"callers of one account", everybody, `{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}`, true, true},
		{"KMS key", everybody, `{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"` + keyARN + `"}}`, false, false},
		{"source ARN", everybody, `{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:t"}}`, false, false},
		{"one access point", everybody, `{"StringEquals":{"s3:DataAccessPointArn":"` + apARN + `A"}}`, false, false},
		{"access points of one account", everybody, `{"StringLike":{"s3:DataAccessPointArn":"` + apARN + `*"}}`, false, true},
		{"access points of any account", everybody, `{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:*:accesspoint/cas-prod-*"}}`, true, true},
		{"account of the access point", everybody, `{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`, false, false},
		{"set and account of access points", everybody, `{"StringLike":{"s3:DataAccessPointArn":"` + apARN + `*"},"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`, false, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			more := `,"Principal":` + row.principal
			if row.condition != "" {
				more += `,"Condition":` + row.condition
			}
			for kind, want := range map[iam.Kind]bool{iam.KindBucket: row.bucket, iam.KindAP: row.ap} {
				doc := document(t, kind, []string{deny(get, "*", anyone), allow(get, "arn:aws:s3:::b/*", more)})
				public, because := iam.Public(kind, doc)
				if public != want {
					t.Errorf("public as a %s policy: %t, want %t", kind, public, want)
				}
				if public && (len(because) != 1 || because[0].Statement != 1 || because[0].Text == "") {
					t.Errorf("reasons %+v, want the second statement", because)
				}
			}
		})
	}
}
