package iam_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestParseForms: the same policy in its different spellings (source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
func TestParseForms(t *testing.T) {
	t.Parallel()
	want := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Sid: "One", Effect: iam.Allow, Actions: []string{"s3:Get*"}, Resources: []string{"*"},
		Conditions: []iam.Condition{{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"true"}}},
	}}}
	texts := map[string]string{
		"lists":       `{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Action":["s3:Get*"],"Resource":["*"],"Condition":{"Bool":{"aws:SecureTransport":["true"]}}}]}`,
		"scalars":     `{"Version":"2012-10-17","Statement":{"Sid":"One","Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`,
		"boolean":     `{"Version":"2012-10-17","Statement":{"Sid":"One","Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true}}}}`,
		"other order": `{"Statement":{"Condition":{"Bool":{"aws:SecureTransport":[true]}},"Resource":"*","Action":"s3:Get*","Effect":"Allow","Sid":"One"},"Version":"2012-10-17"}`,
		"white space": "\n {\"Version\" : \"2012-10-17\",\t\"Statement\":[ {\"Sid\":\"One\",\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}}]}\r\n",
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := iam.Parse(iam.KindIdentity, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("no Version is the old version", func(t *testing.T) {
		t.Parallel()
		got, err := iam.Parse(iam.KindIdentity, []byte(`{"Statement":{"Effect":"Deny","NotAction":"*","NotResource":"*","Condition":{}}}`))
		if err != nil || got.Version != iam.Version2008 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestParseRejects: each row is one mistake in a policy that is otherwise right, and a
// part of the message that has to say where (source of every row, where none is
// given: the grammar page above and its notes).
func TestParseRejects(t *testing.T) {
	t.Parallel()
	const (
		identity = iam.KindIdentity
		trust    = iam.KindTrust
		bucket   = iam.KindBucket
	)
	statement := func(body string) string { return `{"Version":"2012-10-17","Statement":[{` + body + `}]}` }
	const (
		rest  = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
		where = "Statement[0]"
	)
	condition := func(c string) string { return statement(rest + `,"Condition":` + c) }
	named := func(p string) string { return statement(rest + `,"Principal":` + p) }
	resource := func(r string) string {
		return statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"` + r + `"`)
	}
	action := func(a string) string { return statement(`"Effect":"Allow","Resource":"*","Action":` + a) }
	rows := []struct {
		name, text string
		kind       iam.Kind
		says       string
	}{
		{"empty", ``, identity, "ends too early"},
		{"not JSON", `Version: 2012-10-17`, identity, "read JSON"},
		{"cut off", `{"Version":"2012-10-17"`, identity, "ends too early"},
		{"not an object", `[]`, identity, "a list"},
		{"trailing text", statement(rest) + `{}`, identity, "after the end"},
		{"trailing garbage", statement(rest) + `x`, identity, "after the end"},
		{"not UTF-8", `{"Version":"2012-10-17","Id":"` + "\xff" + `"}`, bucket, "UTF-8"},
		{"too large", statement(rest + strings.Repeat(" ", iam.MaxDocumentBytes)), identity, "at most 131072"},
		{"too deep", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), identity, "nested"},
		{"unknown kind", statement(rest), "scp", "not a kind"},
		{"unknown element", `{"Version":"2012-10-17","Statements":[]}`, identity, `"Statements"`},
		{"unknown version", `{"Version":"2012-10-18","Statement":[]}`, identity, "2012-10-17"},
		{"empty version", `{"Version":"","Statement":[]}`, identity, "Version"},
		{"version of a wrong type", `{"Version":20121017}`, identity, "a number"},
		{"no statement", `{"Version":"2012-10-17"}`, identity, "no Statement"},
		{"empty statements", `{"Version":"2012-10-17","Statement":[]}`, identity, "empty"},
		{"statement of a wrong type", `{"Statement":"x"}`, identity, "a string"},
		{"statement null", `{"Statement":[null]}`, identity, "null"},
		{"empty statement", statement(``), identity, "no Effect"},
		{"Id in an identity policy", `{"Id":"x","Statement":[{` + rest + `}]}`, identity, "Id"},
		{"duplicate element", statement(rest + `,"Effect":"Deny"`), identity, "twice"},
		{"duplicate Version", `{"Version":"2012-10-17","Version":"2012-10-17","Statement":[{` + rest + `}]}`, identity, "twice"},
		{"element in lower case", statement(`"effect":"Allow","Action":"*","Resource":"*"`), identity, `"effect"`},
		{"no Effect", statement(`"Action":"*","Resource":"*"`), identity, "Effect"},
		{"Effect in lower case", statement(`"Effect":"allow","Action":"*","Resource":"*"`), identity, where + ".Effect"},
		{"no action", statement(`"Effect":"Allow","Resource":"*"`), identity, "neither Action nor NotAction"},
		{"two actions", statement(rest + `,"NotAction":"s3:*"`), identity, "both Action and NotAction"},
		{"no resource", statement(`"Effect":"Allow","Action":"*"`), identity, "neither Resource nor NotResource"},
		{"two resources", statement(rest + `,"NotResource":"*"`), identity, "both Resource and NotResource"},
		{"empty action list", action(`[]`), identity, where + ".Action"},
		{"action of a wrong type", action(`[1]`), identity, "a number"},
		{"nested list", action(`[["s3:GetObject"]]`), identity, "a list"},
		{"action without service", action(`"GetObject"`), identity, "service:Name"},
		{"action without name", action(`"s3:"`), identity, "service:Name"},
		{"wildcard in the service", action(`"s*:GetObject"`), identity, "service:Name"},
		{"space in an action", action(`"s3: GetObject"`), identity, "service:Name"},
		{"empty action", action(`""`), identity, "service:Name"},
		{"resource without ARN", resource("my-bucket/*"), identity, "not an ARN"},
		{"empty resource", resource(""), identity, "not an ARN"},
		{"ARN with five parts", resource("arn:aws:s3::b"), identity, "not an ARN"},
		{"ARN without resource", resource("arn:aws:s3:::"), identity, "not an ARN"},
		{"empty partition", resource("arn::s3:::b"), identity, "partition"},
		{"variable in the partition", resource("arn:${a:b}:s3:::b"), identity, "partition"},
		{"wildcard in the service of an ARN", resource("arn:aws:*:::b"), identity, "service"},
		{"variable in the account", resource("arn:aws:iam::${aws:PrincipalAccount}:role/r"), identity, "fifth colon"},
		{"unclosed variable", resource("arn:aws:s3:::b/${aws:userid"), identity, "variable"},
		{"variable without a name", resource("arn:aws:s3:::b/${}"), identity, "variable"},
		{"default without quotes", resource("arn:aws:s3:::b/${aws:userid, x}"), identity, "quotes"},
		{"Sid with a space", statement(rest + `,"Sid":"My statement"`), identity, where + ".Sid"},
		{"Sid with a dash in a trust policy", statement(`"Sid":"a-b","Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"`), trust, ".Sid"},
		{"duplicate Sid", `{"Statement":[{"Sid":"A",` + rest + `},{"Sid":"A",` + rest + `}]}`, identity, "Statement[1].Sid"},
		{"principal in an identity policy", named(`"*"`), identity, "Principal"},
		{"principal in a session policy", named(`"*"`), iam.KindSession, "Principal"},
		{"no principal", statement(rest), bucket, "neither Principal nor NotPrincipal"},
		{"no principal in a key policy", statement(rest), iam.KindKey, "neither Principal nor NotPrincipal"},
		{"no principal in an endpoint policy", statement(rest), iam.KindEndpoint, "neither Principal nor NotPrincipal"},
		{"two principals", statement(rest + `,"Principal":"*","NotPrincipal":"*"`), bucket, "both"},
		{"NotPrincipal in an Allow", statement(rest + `,"NotPrincipal":{"AWS":"111122223333"}`), bucket, "Deny"},
		{"NotPrincipal in a trust policy", statement(`"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}`), trust, "NotPrincipal"},
		{"resource in a trust policy", statement(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"`), trust, "Resource"},
		{"other service in a trust policy", statement(`"Effect":"Allow","Action":"s3:GetObject","Principal":"*"`), trust, "sts"},
		{"principal is a bare ARN", named(`"` + roleT + `"`), bucket, ".Principal"},
		{"empty principal", named(`{}`), bucket, ".Principal"},
		{"empty list of principals", named(`{"AWS":[]}`), bucket, "Principal.AWS"},
		{"unknown type of principal", named(`{"Aws":"*"}`), bucket, `"Aws"`},
		{"wildcard in a principal", named(`{"AWS":"arn:aws:iam::111122223333:role/*"}`), bucket, "without wildcards"},
		{"wildcard session", named(`{"AWS":"arn:aws:sts::111122223333:assumed-role/R/*"}`), bucket, "without wildcards"},
		{"role as session without name", named(`{"AWS":"arn:aws:sts::111122223333:assumed-role/R"}`), bucket, "not a principal"},
		{"group", named(`{"AWS":"arn:aws:iam::111122223333:group/g"}`), bucket, "not a principal"},
		{"short account id", named(`{"AWS":"11112222333"}`), bucket, "not a principal"},
		{"account id as a number", named(`{"AWS":111122223333}`), bucket, "a number"},
		{"variable in a principal", named(`{"AWS":"arn:aws:iam::111122223333:user/${aws:username}"}`), bucket, "not a principal"},
		{"wildcard service", named(`{"Service":"*"}`), bucket, "not a principal"},
		{"canonical user outside S3", named(`{"CanonicalUser":"` + strings.Repeat("0", 64) + `"}`), iam.KindKey, "S3"},
		{"malformed canonical user", named(`{"CanonicalUser":"x"}`), bucket, "64 hexadecimal"},
		{"malformed provider", named(`{"Federated":"*"}`), bucket, "provider"},
		{"unknown operator", condition(`{"StringEqual":{"aws:userid":"x"}}`), identity, `"StringEqual"`},
		{"operator in lower case", condition(`{"bool":{"aws:SecureTransport":"true"}}`), identity, `"bool"`},
		{"unknown set operator", condition(`{"ForAll:StringEquals":{"aws:TagKeys":"x"}}`), identity, "ForAll"},
		{"NullIfExists", condition(`{"NullIfExists":{"aws:userid":"true"}}`), identity, "NullIfExists"},
		{"condition is a list", condition(`[]`), identity, "a list"},
		{"operator without keys", condition(`{"StringEquals":{}}`), identity, "empty"},
		{"duplicate key", condition(`{"StringEquals":{"aws:userid":"x","aws:userid":"y"}}`), identity, "twice"},
		{"duplicate key in another case", condition(`{"StringEquals":{"aws:userid":"x","AWS:UserId":"y"}}`), identity, "twice"},
		{"duplicate operator", condition(`{"StringEquals":{"aws:userid":"x"},"StringEquals":{"aws:username":"y"}}`), identity, "twice"},
		{"key without prefix", condition(`{"StringEquals":{"userid":"x"}}`), identity, "prefix:name"},
		{"no values", condition(`{"StringEquals":{"aws:userid":[]}}`), identity, "no values"},
		{"null value", condition(`{"StringEquals":{"aws:userid":null}}`), identity, "null"},
		{"object as value", condition(`{"StringEquals":{"aws:userid":{}}}`), identity, "an object"},
		{"not a boolean", condition(`{"Bool":{"aws:SecureTransport":"yes"}}`), identity, "neither true nor false"},
		{"Null of nonsense", condition(`{"Null":{"aws:userid":"x"}}`), identity, "neither true nor false"},
		{"not a number", condition(`{"NumericLessThan":{"s3:max-keys":"ten"}}`), identity, "not a number"},
		{"variable as a number", condition(`{"NumericLessThan":{"s3:max-keys":"${s3:max-keys}"}}`), identity, "not a number"},
		{"not a date", condition(`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), identity, "date"},
		{"not an address", condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.*"}}`), identity, "IP address"},
		{"not base64", condition(`{"BinaryEquals":{"aws:Key":"%"}}`), identity, "base64"},
		{"malformed variable in a condition", condition(`{"StringEquals":{"aws:userid":"${aws:userid"}}`), identity, "variable"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			doc, err := iam.Parse(row.kind, []byte(row.text))
			if !errors.Is(err, iam.ErrMalformed) {
				t.Fatalf("parsed as %+v with error %v", doc, err)
			}
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %q does not say %q", err, row.says)
			}
		})
	}
}

// TestParseAccepts: what looks unusual and is right.
func TestParseAccepts(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		kind iam.Kind
		body string
	}{
		{"everything", iam.KindIdentity, `"Effect":"Allow","Action":"*","Resource":"*"`},
		{"any resource of a service", iam.KindIdentity, `"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-2:*:${aws:username}-queue"`},
		{"empty Sid", iam.KindIdentity, `"Sid":"","Effect":"Allow","Action":"a:b?c*","Resource":"*"`},
		{"Sid of S3", iam.KindBucket, `"Sid":"Allow get requests","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"`},
		{"Sids of S3 need not differ", iam.KindBucket, `"Sid":"a","Effect":"Allow","Principal":"*","Action":"a:B","Resource":"*"},{"Sid":"a","Effect":"Allow","Principal":"*","Action":"a:C","Resource":"*"`},
		{"every type of principal", iam.KindBucket, `"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":{
			"AWS":["*","111122223333","arn:aws:iam::111122223333:root","arn:aws-us-gov:iam::111122223333:user/dir/u","arn:aws:iam::111122223333:role/dir/r","arn:aws:sts::111122223333:assumed-role/r/s","arn:aws:sts::111122223333:federated-user/f","AROATENANTEXAMPLE0001"],
			"Service":"delivery.logs.amazonaws.com","Federated":["arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/X","cognito-identity.amazonaws.com"],
			"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`},
		{"trust", iam.KindTrust, `"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]`},
		{"key of an OIDC provider", iam.KindTrust, `"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/X:sub":"system:serviceaccount:cas:cas"}}`},
		{"NotPrincipal in a Deny", iam.KindEndpoint, `"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"*","Resource":"*"`},
		{"numbers", iam.KindIdentity, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"s3:max-keys":[1,2.5]}}`},
		{"literal dollar", iam.KindIdentity, `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/$x/{y}"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := iam.Parse(row.kind, []byte(`{"Version":"2012-10-17","Statement":[{`+row.body+`}]}`)); err != nil {
				t.Error(err)
			}
		})
	}
}
