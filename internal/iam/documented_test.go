package iam_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// layers are the policies of a row, as the statements of one document each.
type layers struct {
	identity, boundary, session, resource []string
	passed                                bool // a session policy, without one that is parsed
}

// TestDocumented decides what AWS's own pages decide by example, and the edges of the
// rules that they state.
func TestDocumented(t *testing.T) {
	t.Parallel()
	const (
		user     = "arn:aws:iam::111122223333:user/carlos"
		session  = "arn:aws:sts::111122223333:assumed-role/R/s"
		stranger = "arn:aws:iam::999988887777:user/u"
		service  = "logging.s3.amazonaws.com"

		guide     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
		basics    = guide + "reference_policies_evaluation-logic_policy-eval-basics.html"
		interplay = guide + "reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html"
		resources = guide + "reference_policies_elements_resource.html"
		actions   = guide + "reference_policies_elements_action.html"
		notAction = guide + "reference_policies_elements_notaction.html"
		notRes    = guide + "reference_policies_elements_notresource.html"
		variables = guide + "reference_policies_variables.html"
		boundary  = guide + "access_policies_boundaries.html"
		sessions  = guide + "access_policies.html#policies_session"
		services  = guide + "reference_policies_elements_principal.html#principal-anonymous"
		subscribe = "https://docs.aws.amazon.com/AWSJavaSDK/latest/javadoc/com/amazonaws/services/sns/util/Topics.html: subscribeQueue"
		managed   = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ managed instances: Resource arn:*:ec2:*::image/ami-*"
		multi     = guide + "reference_policies_condition_examples-multi-valued-context-keys.html"
		mfa       = guide + "reference_policies_condition-keys.html#condition-keys-multifactorauthpresent"
		isService = guide + "reference_policies_condition-keys.html#condition-keys-principalisawsservice"

		allowed  = iam.Allowed
		implicit = iam.ImplicitlyDenied
		explicit = iam.ExplicitlyDenied
	)
	type context = map[string][]string
	carlos := layers{
		identity: []string{
			allow("s3:*", `["arn:aws:s3:::carlos/*","arn:aws:s3:::carlos"]`, ""),
			deny("s3:*", "arn:aws:s3:::*log*", ""),
		},
		resource: []string{allow("s3:*", `["arn:aws:s3:::carlos/*","arn:aws:s3:::carlos"]`, principal(user))},
	}
	reports := layers{identity: []string{allow(`["iam:Get*","iam:List*"]`, "*", ""), deny("iam:*Report", "*", "")}}
	deep := layers{identity: []string{allow(get, "arn:aws:s3:::b/*/test/*", "")}}
	home := layers{identity: []string{
		allow(list, "arn:aws:s3:::b", `,"Condition":{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/*"]}}`),
		allow("s3:*", "arn:aws:s3:::b/home/${aws:username}/*", ""),
	}}
	queue := layers{identity: []string{allow("sqs:*", "arn:aws:sqs:us-east-2:*:${aws:username}-queue", "")}}
	team := layers{identity: []string{allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*", "")}}
	instances := func(operator string) layers {
		return layers{identity: []string{allow("ec2:RunInstances", "*", `,"Condition":{"`+operator+`":{"ec2:InstanceType":["t2.*","m3.*"]}}`)}}
	}
	shirley := layers{
		identity: []string{allow(`["iam:CreateUser","s3:ListBucket"]`, "*", "")},
		boundary: []string{allow(`["s3:*","cloudwatch:*","ec2:*"]`, "*", "")},
	}
	keys := func(operator, values, more string) layers {
		return layers{identity: []string{
			allow("*", "*", ""),
			deny("iam:TagUser", "*", `,"Condition":{"`+operator+`":{"aws:TagKeys":`+values+`}`+more+`}`),
		}}
	}
	granted := func(operator string) layers {
		return layers{identity: []string{allow("iam:TagUser", "*", `,"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["org","team"]}`+operator+`}`)}}
	}
	star := func(statement func(a, r, m string) string, who string) layers {
		return layers{resource: []string{allow("*", "*", `,"Principal":{"Service":"`+service+`","AWS":"111122223333"}`), statement(put, "*", who)}}
	}
	onlyStar := func(who string) layers { return layers{resource: []string{allow(put, "*", who)}} }
	const awsStar = `,"Principal":{"AWS":"*"}`

	rows := []struct {
		name     string
		caller   string
		action   string
		resource string
		context  context
		policies layers
		want     iam.Result
		source   string
	}{
		{"own bucket", user, put, "arn:aws:s3:::carlos/x", nil, carlos, allowed, basics},
		{"bucket of logs", user, put, "arn:aws:s3:::carlos-logs/x", nil, carlos, explicit, basics},
		{"own bucket, key with log in it", user, put, "arn:aws:s3:::carlos/catalog", nil, carlos, explicit, basics},
		{"another bucket", user, put, "arn:aws:s3:::diego/x", nil, carlos, implicit, basics},
		{"resource policy alone", user, put, "arn:aws:s3:::carlos/x", nil, layers{resource: carlos.resource}, allowed, basics},
		{"identity policy alone", user, put, "arn:aws:s3:::carlos/x", nil, layers{identity: carlos.identity}, allowed, basics},

		{"Get of a prefix", user, "iam:GetUser", "arn:aws:iam::111122223333:user/x", nil, reports, allowed, interplay},
		{"neither Get nor List", user, "iam:CreatePolicy", "*", nil, reports, implicit, interplay},
		{"Get, but of a report", user, "iam:GetOrganizationsAccessReport", "*", nil, reports, explicit, interplay},
		{"report without any Allow", user, "iam:GenerateCredentialReport", "*", nil, reports, explicit, interplay},

		{"star over one level", user, get, "arn:aws:s3:::b/1/test/object.jpg", nil, deep, allowed, resources},
		{"star over two levels", user, get, "arn:aws:s3:::b/1/2/test/object.jpg", nil, deep, allowed, resources},
		{"star before and after", user, get, "arn:aws:s3:::b/1/2/test/3/object.jpg", nil, deep, allowed, resources},
		{"star over empty names", user, get, "arn:aws:s3:::b/1///test///object.jpg", nil, deep, allowed, resources},
		{"star over nothing", user, get, "arn:aws:s3:::b//test/", nil, deep, allowed, resources},
		{"level is a suffix", user, get, "arn:aws:s3:::b/1-test/object.jpg", nil, deep, implicit, resources},
		{"level is last", user, get, "arn:aws:s3:::b/1/test.jpg", nil, deep, implicit, resources},
		{"star over colons of a key", user, get, "arn:aws:s3:::b/sha256:1/test/a:b", nil, deep, allowed, resources},
		{"bucket is not its objects", user, list, "arn:aws:s3:::b", nil, layers{identity: []string{allow("s3:*", "arn:aws:s3:::b/*", "")}}, implicit, resources},
		{"objects are not their bucket", user, get, "arn:aws:s3:::b/k", nil, layers{identity: []string{allow("s3:*", "arn:aws:s3:::b", "")}}, implicit, resources},
		{"question mark is one character", user, get, "arn:aws:s3:::b/ab", nil, layers{identity: []string{allow(get, "arn:aws:s3:::b/?", "")}}, implicit, resources},
		{"question mark is not none", user, get, "arn:aws:s3:::b/", nil, layers{identity: []string{allow(get, "arn:aws:s3:::b/?", "")}}, implicit, resources},
		{"question mark is any character", user, get, "arn:aws:s3:::b/ü", nil, layers{identity: []string{allow(get, "arn:aws:s3:::b/?", "")}}, allowed, resources},
		{"any partition", user, get, "arn:aws-us-gov:s3:::b/k", nil, layers{identity: []string{allow(get, "arn:*:s3:::b/k", "")}}, allowed, managed},
		{"any partition, another bucket", user, get, "arn:aws:s3:::c/k", nil, layers{identity: []string{allow(get, "arn:*:s3:::b/k", "")}}, implicit, managed},
		{"some partitions", user, get, "arn:aws:s3:::b/k", nil, layers{identity: []string{allow(get, "arn:aws-*:s3:::b/k", "")}}, implicit, managed},
		{"resources have case", user, get, "arn:aws:s3:::b/K", nil, layers{identity: []string{allow(get, "arn:aws:s3:::b/k", "")}}, implicit, resources},

		{"all actions of all services", user, get, "*", nil, layers{identity: []string{allow("*:*", "*", "")}}, allowed, actions},
		{"action in another case", user, "s3:getobject", "*", nil, layers{identity: []string{allow("S3:GETOBJECT", "*", "")}}, allowed, actions},
		{"star inside an action", user, "iam:DeleteAccessKey", "*", nil, layers{identity: []string{allow("iam:*AccessKey*", "*", "")}}, allowed, actions},
		{"star does not reach another service", user, get, "*", nil, layers{identity: []string{allow("iam:*", "*", "")}}, implicit, actions},
		{"prefix without a star", user, "s3:GetObjectTagging", "*", nil, layers{identity: []string{allow(get, "*", "")}}, implicit, actions},
		{"all but IAM", user, "ec2:RunInstances", "*", nil, layers{identity: []string{`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`}}, allowed, notAction},
		{"all but IAM, and this is", user, "iam:CreateUser", "*", nil, layers{identity: []string{`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`}}, implicit, notAction},
		{"deny all but IAM", user, get, "*", nil, layers{identity: []string{allow("*", "*", ""), `{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}`}}, explicit, notAction},
		{"deny all but IAM, and this is", user, "iam:GetUser", "*", nil, layers{identity: []string{allow("*", "*", ""), `{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}`}}, allowed, notAction},
		{"all but two buckets", user, get, "arn:aws:s3:::other/x", nil, layers{identity: []string{`{"Effect":"Allow","Action":"s3:*","NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`}}, allowed, notRes},
		{"all but two buckets, second pattern", user, get, "arn:aws:s3:::b/x", nil, layers{identity: []string{`{"Effect":"Allow","Action":"s3:*","NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`}}, implicit, notRes},
		{"deny outside of the payroll bucket", user, get, "arn:aws:s3:::b/x", nil, layers{identity: []string{allow("*", "*", ""), `{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::payroll/*"}`}}, explicit, notRes},
		{"deny outside, and this is inside", user, get, "arn:aws:s3:::payroll/x", nil, layers{identity: []string{allow("*", "*", ""), `{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::payroll/*"}`}}, allowed, notRes},

		{"own home", user, put, "arn:aws:s3:::b/home/carlos/x", context{"aws:username": {"carlos"}}, home, allowed, variables},
		{"home of another", user, put, "arn:aws:s3:::b/home/diego/x", context{"aws:username": {"carlos"}}, home, implicit, variables},
		{"a role has no user name", session, put, "arn:aws:s3:::b/home/carlos/x", nil, home, implicit, variables},
		{"list own home", user, list, "arn:aws:s3:::b", context{"aws:username": {"carlos"}, "s3:prefix": {"home/carlos/"}}, home, allowed, variables},
		{"list the homes", user, list, "arn:aws:s3:::b", context{"aws:username": {"carlos"}, "s3:prefix": {"home/"}}, home, allowed, variables},
		{"list the top", user, list, "arn:aws:s3:::b", context{"aws:username": {"carlos"}, "s3:prefix": {""}}, home, allowed, variables},
		{"list another home", user, list, "arn:aws:s3:::b", context{"aws:username": {"carlos"}, "s3:prefix": {"home/diego/"}}, home, implicit, variables},
		{"list without a prefix", user, list, "arn:aws:s3:::b", context{"aws:username": {"carlos"}}, home, implicit, variables},
		{"queue of one's own", user, "sqs:SendMessage", "arn:aws:sqs:us-east-2:111122223333:carlos-queue", context{"aws:username": {"carlos"}}, queue, allowed, variables},
		{"queue in another Region", user, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:carlos-queue", context{"aws:username": {"carlos"}}, queue, implicit, variables},
		{"prefix of a team", user, get, "arn:aws:s3:::b/red/x", context{"aws:PrincipalTag/team": {"red"}}, team, allowed, variables},
		{"a team does not get the default", user, get, "arn:aws:s3:::b/company-wide/x", context{"aws:PrincipalTag/team": {"red"}}, team, implicit, variables},
		{"no team gets the default", user, get, "arn:aws:s3:::b/company-wide/x", nil, team, allowed, variables},
		{"no team gets no other's prefix", user, get, "arn:aws:s3:::b/red/x", nil, team, implicit, variables},

		{"type of instance", user, "ec2:RunInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/*", context{"ec2:InstanceType": {"t2.micro"}}, instances("StringLike"), allowed, operatorPage},
		{"image has no type", user, "ec2:RunInstances", "arn:aws:ec2:eu-west-1::image/ami-1", nil, instances("StringLike"), implicit, operatorPage},
		{"image has no type, IfExists", user, "ec2:RunInstances", "arn:aws:ec2:eu-west-1::image/ami-1", nil, instances("StringLikeIfExists"), allowed, operatorPage},
		{"wrong type, IfExists", user, "ec2:RunInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/*", context{"ec2:InstanceType": {"x1.32xlarge"}}, instances("StringLikeIfExists"), implicit, operatorPage},
		{"no MFA, Bool", user, get, "*", nil, layers{identity: []string{allow("*", "*", ""), deny("*", "*", `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`)}}, allowed, mfa},
		{"no MFA, BoolIfExists", user, get, "*", nil, layers{identity: []string{allow("*", "*", ""), deny("*", "*", `,"Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`)}}, explicit, mfa},
		{"MFA, BoolIfExists", user, get, "*", context{"aws:MultiFactorAuthPresent": {"true"}}, layers{identity: []string{allow("*", "*", ""), deny("*", "*", `,"Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`)}}, allowed, mfa},

		{"boundary has no such service", user, "iam:CreateUser", "*", nil, shirley, implicit, boundary},
		{"boundary and identity", user, list, "arn:aws:s3:::b", nil, shirley, allowed, boundary},
		{"boundary grants nothing", user, "ec2:RunInstances", "*", nil, shirley, implicit, boundary},
		{"boundary denies", user, list, "*", nil, layers{identity: shirley.identity, boundary: []string{allow("*", "*", ""), deny(list, "*", "")}}, explicit, boundary},
		{"boundary does not limit a grant to the user", user, get, "arn:aws:s3:::b/x", nil, layers{boundary: []string{allow("ec2:*", "*", "")}, resource: []string{allow(get, "*", principal(user))}}, allowed, boundary},
		{"boundary limits a grant to the role", session, get, "arn:aws:s3:::b/x", nil, layers{boundary: []string{allow("ec2:*", "*", "")}, resource: []string{allow(get, "*", principal("arn:aws:iam::111122223333:role/R"))}}, implicit, boundary},

		{"session policy intersects", session, get, "*", nil, layers{identity: []string{allow("s3:*", "*", "")}, session: []string{allow(get, "*", "")}}, allowed, sessions},
		{"session policy narrows", session, put, "*", nil, layers{identity: []string{allow("s3:*", "*", "")}, session: []string{allow(get, "*", "")}}, implicit, sessions},
		{"session policy does not widen", session, "ec2:RunInstances", "*", nil, layers{identity: []string{allow("s3:*", "*", "")}, session: []string{allow("*", "*", "")}}, implicit, sessions},
		{"session policy, boundary and identity", session, get, "*", nil, layers{identity: []string{allow("s3:*", "*", "")}, boundary: []string{allow("s3:*", "*", "")}, session: []string{allow(get, "*", "")}}, allowed, sessions},
		{"boundary is missing among the three", session, get, "*", nil, layers{identity: []string{allow("s3:*", "*", "")}, boundary: []string{allow("ec2:*", "*", "")}, session: []string{allow(get, "*", "")}}, implicit, sessions},
		{"session policy limits a grant to the role", session, get, "*", nil, layers{session: []string{allow(put, "*", "")}, resource: []string{allow(get, "*", principal("arn:aws:iam::111122223333:role/R"))}}, implicit, sessions},
		{"session policy does not limit a grant to the session", session, get, "*", nil, layers{session: []string{allow(put, "*", "")}, resource: []string{allow(get, "*", principal(session))}}, allowed, sessions},
		{"session policy denies a grant to the session", session, get, "*", nil, layers{session: []string{deny(get, "*", "")}, resource: []string{allow(get, "*", principal(session))}}, explicit, sessions},
		{"one of two session policies is enough", session, get, "*", nil, layers{identity: []string{allow("*", "*", "")}, session: []string{allow(put, "*", ""), allow(get, "*", "")}}, allowed, sessions},
		{"empty session policy", session, get, "*", nil, layers{identity: []string{allow("*", "*", "")}, passed: true}, implicit, sessions},

		{"every tag key denied", user, "iam:TagUser", "*", context{"aws:TagKeys": {"key1", "key2"}}, keys("ForAllValues:StringLike", `["key*"]`, ""), explicit, multi},
		{"one tag key is another", user, "iam:TagUser", "*", context{"aws:TagKeys": {"key1", "org"}}, keys("ForAllValues:StringLike", `["key*"]`, ""), allowed, multi},
		{"no tag keys, ForAllValues", user, "iam:TagUser", "*", nil, keys("ForAllValues:StringLike", `["key*"]`, ""), explicit, multi},
		{"no tag keys, ForAllValues and Null", user, "iam:TagUser", "*", nil, keys("ForAllValues:StringLike", `["key*"]`, `,"Null":{"aws:TagKeys":"false"}`), allowed, multi},
		{"any tag key denied", user, "iam:TagUser", "*", context{"aws:TagKeys": {"org", "webserver"}}, keys("ForAnyValue:StringEquals", `["webserver"]`, ""), explicit, multi},
		{"no tag key denied", user, "iam:TagUser", "*", context{"aws:TagKeys": {"org"}}, keys("ForAnyValue:StringEquals", `["webserver"]`, ""), allowed, multi},
		{"no tag keys, ForAnyValue", user, "iam:TagUser", "*", nil, keys("ForAnyValue:StringEquals", `["webserver"]`, ""), allowed, multi},
		{"only known tag keys", user, "iam:TagUser", "*", context{"aws:TagKeys": {"org"}}, granted(""), allowed, multi},
		{"tag key of another case", user, "iam:TagUser", "*", context{"aws:TagKeys": {"Org"}}, granted(""), implicit, multi},
		{"no tag keys are known tag keys", user, "iam:TagUser", "*", nil, granted(""), allowed, multi},
		{"no tag keys, with Null", user, "iam:TagUser", "*", nil, granted(`,"Null":{"aws:TagKeys":"false"}`), implicit, multi},
		{"empty tag key, with Null", user, "iam:TagUser", "*", context{"aws:TagKeys": {""}}, granted(`,"Null":{"aws:TagKeys":"false"}`), implicit, multi},

		{"everybody includes services", service, put, "*", nil, onlyStar(anyone), allowed, services},
		{"AWS:* includes services", service, put, "*", nil, onlyStar(awsStar), allowed, subscribe},
		{"AWS:* is not known to include providers that are hosts", "accounts.google.com", put, "*", nil, onlyStar(awsStar), implicit, services + ": silent about them, so the result that denies"},
		{"AWS:* is not known to include Cognito", "cognito-identity.amazonaws.com", put, "*", nil, onlyStar(awsStar), implicit, services + ": silent about them, so the result that denies"},
		{"AWS:* is not known to include providers", "arn:aws:iam::111122223333:oidc-provider/example.com", put, "*", nil, onlyStar(awsStar), implicit, services + ": silent about them, so the result that denies"},
		{"AWS:* includes anonymous", iam.Anonymous, put, "*", nil, onlyStar(awsStar), allowed, services},
		{"AWS:* includes identities", session, put, "*", nil, onlyStar(awsStar), allowed, services},
		{"AWS:* of another account, without identity policy", stranger, put, "*", nil, onlyStar(awsStar), implicit, services},
		{"everybody denied includes services", service, put, "*", nil, star(deny, anyone), explicit, services},
		{"AWS:* denied includes services", service, put, "*", nil, star(deny, awsStar), explicit, subscribe},
		{"not for services called by AWS", service, put, "*", context{"aws:PrincipalIsAWSService": {"true"}}, star(deny, anyone+`,"Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}`), allowed, isService},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx := iam.Context{}
			for key, values := range row.context {
				ctx.Set(key, values...)
			}
			got := iam.Evaluate(
				iam.Request{Principal: row.caller, Action: row.action, Resource: row.resource, Account: account, Context: ctx},
				iam.PolicySet{
					Identity:      policies(t, iam.KindIdentity, row.policies.identity),
					Boundary:      policies(t, iam.KindIdentity, row.policies.boundary),
					Session:       policies(t, iam.KindSession, row.policies.session),
					SessionPassed: row.policies.passed || row.policies.session != nil,
					Resource:      resourcePolicy(t, iam.KindResource, row.policies.resource),
				})
			if got.Result != row.want {
				t.Errorf("%s, want %s (%s): %+v", got.Result, row.want, row.source, got.Because)
			}
		})
	}
}
