package iam_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/iam"
)

// The generators draw from small sets, so that statements and requests often meet.
var (
	anyAction    = rapid.SampledFrom([]string{"*", "s3:*", "s3:GetObject", "s3:getobject", "s3:Get*", "s3:PutObject", "kms:Decrypt"})
	anyResource  = rapid.SampledFrom([]string{"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/orgA/x", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/org?/x", "arn:aws:s3:*:*:accesspoint/a"})
	anyPrincipal = rapid.SampledFrom([]string{"*", "111122223333", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/R", "arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::999988887777:role/R"})
	anyKey       = rapid.SampledFrom([]string{"aws:PrincipalTag/org", "aws:userid", "s3:prefix", "aws:SecureTransport", "aws:TagKeys"})
	anyValue     = rapid.SampledFrom([]string{"orgA", "org*", "", "true", "${aws:PrincipalTag/org}", "a b", "<&>", "ü\"\\"})
	anyOperator  = rapid.SampledFrom([]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLikeIfExists", "ForAllValues:StringEquals", "ForAnyValue:StringLike", "ArnEquals", "ArnNotLike", "Null", "Bool"})
	anyVersion   = rapid.SampledFrom([]string{iam.Version2008, iam.Version2012})
	anyEffect    = rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Deny})
)

func some(t *rapid.T, g *rapid.Generator[string], name string) []string {
	return rapid.SliceOfN(g, 1, 3).Draw(t, name)
}

func drawConditions(t *rapid.T) []iam.Condition {
	var all []iam.Condition
	for _, op := range rapid.SliceOfNDistinct(anyOperator, 0, 2, rapid.ID).Draw(t, "operators") {
		for _, key := range rapid.SliceOfNDistinct(anyKey, 1, 2, rapid.ID).Draw(t, "keys") {
			values := anyValue
			if op == "Null" || op == "Bool" {
				values = rapid.SampledFrom([]string{"true", "false"})
			}
			all = append(all, iam.Condition{Operator: op, Key: key, Values: some(t, values, "values")})
		}
	}
	return all
}

func drawStatement(t *rapid.T, principals bool) iam.Statement {
	st := iam.Statement{Effect: anyEffect.Draw(t, "effect"), Conditions: drawConditions(t)}
	if rapid.Bool().Draw(t, "sid") {
		st.Sid = rapid.StringMatching(`[A-Za-z0-9]{1,4}`).Draw(t, "Sid")
	}
	st.Actions = some(t, anyAction, "actions")
	if rapid.Bool().Draw(t, "not action") {
		st.Actions, st.NotActions = nil, st.Actions
	}
	st.Resources = some(t, anyResource, "resources")
	if rapid.Bool().Draw(t, "not resource") {
		st.Resources, st.NotResources = nil, st.Resources
	}
	if principals {
		st.Principals = &iam.Principals{AWS: some(t, anyPrincipal, "principals")}
		if rapid.Bool().Draw(t, "any") {
			st.Principals = &iam.Principals{Any: true}
		}
		if st.Effect == iam.Deny && rapid.Bool().Draw(t, "not principal") {
			st.Principals, st.NotPrincipals = nil, st.Principals
		}
	}
	return st
}

func drawDocument(t *rapid.T, principals bool) *iam.Document {
	doc := &iam.Document{Version: anyVersion.Draw(t, "version")}
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		doc.Statements = append(doc.Statements, drawStatement(t, principals))
	}
	return doc
}

func drawRequest(t *rapid.T) iam.Request {
	ctx := iam.Context{}
	for _, key := range rapid.SliceOfNDistinct(anyKey, 0, 4, rapid.ID).Draw(t, "context") {
		ctx.Set(key, rapid.SliceOfN(anyValue, 1, 2).Draw(t, key)...)
	}
	return iam.Request{
		Principal: rapid.SampledFrom([]string{"arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::999988887777:role/R", "arn:aws:iam::111122223333:root", "pods.eks.amazonaws.com", iam.Anonymous}).Draw(t, "principal"),
		Action:    rapid.SampledFrom([]string{"s3:GetObject", "s3:PutObject", "kms:Decrypt"}).Draw(t, "action"),
		Resource:  rapid.SampledFrom([]string{"arn:aws:s3:::b/orgA/x", "arn:aws:s3:::b/org*/x", "arn:aws:s3:eu:111122223333:accesspoint/a"}).Draw(t, "resource"),
		Account:   account,
		Context:   ctx,
	}
}

func drawSet(t *rapid.T) iam.PolicySet {
	layer := func(name string) []iam.Policy {
		var all []iam.Policy
		for range rapid.IntRange(0, 2).Draw(t, name) {
			all = append(all, iam.Policy{Name: name, Document: drawDocument(t, false)})
		}
		return all
	}
	set := iam.PolicySet{
		Identity: layer("identity"), Boundary: layer("boundary"), Session: layer("session"),
		SessionPassed: rapid.Bool().Draw(t, "passed"), RequireResource: rapid.Bool().Draw(t, "require"),
	}
	if rapid.Bool().Draw(t, "resource policy") {
		set.Resource = &iam.Policy{Name: "resource", Document: drawDocument(t, true)}
	}
	if rapid.Bool().Draw(t, "endpoint policy") {
		set.Endpoint = &iam.Policy{Name: "endpoint", Document: drawDocument(t, true)}
	}
	return set
}

// TestDenyNeverAllows: adding a Deny to any layer never creates an Allow.
func TestDenyNeverAllows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		req, set := drawRequest(t), drawSet(t)
		before := iam.Evaluate(req, set)
		add := func(p []iam.Policy, principals bool) []iam.Policy {
			st := drawStatement(t, principals)
			st.Effect = iam.Deny
			return append(slices.Clone(p), iam.Policy{Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{st}}})
		}
		switch rapid.IntRange(0, 3).Draw(t, "layer") {
		case 0:
			set.Identity = add(set.Identity, false)
		case 1:
			set.Boundary = add(set.Boundary, false)
		case 2:
			set.Session = add(set.Session, false)
		case 3:
			set.Resource = &add(nil, true)[0]
		}
		if after := iam.Evaluate(req, set); after.Allowed() && !before.Allowed() {
			t.Fatalf("a Deny turned %s into %s", before.Result, after.Result)
		}
	})
}

// TestReasons: every decision has reasons that fit it.
func TestReasons(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := iam.Evaluate(drawRequest(t), drawSet(t))
		if len(d.Because) == 0 {
			t.Fatalf("%s without a reason", d.Result)
		}
		for _, r := range d.Because {
			ok := r.Text != "" && r.Layer != ""
			switch d.Result {
			case iam.Allowed:
				ok = ok && (r.Effect == iam.Allow || r.Statement == -1 && r.Layer == iam.LayerIdentity)
			case iam.ExplicitlyDenied:
				ok = ok && r.Effect == iam.Deny && r.Statement >= 0
			case iam.ImplicitlyDenied:
				ok = ok && r.Effect == "" && r.Statement == -1
			}
			if !ok {
				t.Fatalf("%s because %+v", d.Result, r)
			}
		}
	})
}

// TestParseMarshal: Parse undoes MarshalJSON.
func TestParseMarshal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, true)
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		again, err := iam.Parse(iam.KindBucket, text)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Fatalf("parsed (-want +got):\n%s", diff)
		}
	})
}

// TestCanonical: the canonical form does not see the order of anything, and documents
// of one form decide alike.
func TestCanonical(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t, true)
		other := &iam.Document{Version: doc.Version}
		for _, st := range permuted(t, doc.Statements, "statements") {
			st.Actions = permuted(t, st.Actions, "actions")
			st.NotActions = permuted(t, st.NotActions, "not actions")
			st.Resources = permuted(t, st.Resources, "resources")
			st.NotResources = permuted(t, st.NotResources, "not resources")
			st.Conditions = permuted(t, st.Conditions, "conditions")
			for i := range st.Conditions {
				st.Conditions[i].Values = permuted(t, st.Conditions[i].Values, "values")
			}
			if st.Principals != nil {
				st.Principals = &iam.Principals{Any: st.Principals.Any, AWS: permuted(t, st.Principals.AWS, "principals")}
			}
			other.Statements = append(other.Statements, st)
		}
		if !bytes.Equal(doc.Canonical(), other.Canonical()) {
			t.Fatalf("canonical forms differ:\n%s\n%s", doc.Canonical(), other.Canonical())
		}
		if !json.Valid(doc.Canonical()) {
			t.Fatalf("not JSON: %s", doc.Canonical())
		}
		req := drawRequest(t)
		one := iam.Evaluate(req, iam.PolicySet{Resource: &iam.Policy{Document: doc}})
		two := iam.Evaluate(req, iam.PolicySet{Resource: &iam.Policy{Document: other}})
		if one.Result != two.Result {
			t.Fatalf("%s and %s for one canonical form", one.Result, two.Result)
		}
	})
}

func permuted[T any](t *rapid.T, list []T, name string) []T {
	if len(list) == 0 {
		return list
	}
	return rapid.Permutation(list).Draw(t, name)
}

// TestEqual: pairs that mean the same, and pairs that do not.
func TestEqual(t *testing.T) {
	t.Parallel()
	const rest = `"Effect":"Allow","Resource":"*",`
	rows := []struct {
		name, a, b string
		want       bool
	}{
		{"list or string", rest + `"Principal":"*","Action":"s3:GetObject"`, rest + `"Principal":"*","Action":["s3:GetObject"]`, true},
		{"order of elements", rest + `"Principal":"*","Action":"s3:GetObject"`, `"Action":"s3:GetObject","Principal":"*","Resource":"*","Effect":"Allow"`, true},
		{"repetition", rest + `"Principal":"*","Action":["a:B","a:B"]`, rest + `"Principal":"*","Action":"a:B"`, true},
		{"case of an action", rest + `"Principal":"*","Action":"S3:getobject"`, rest + `"Principal":"*","Action":"s3:GetObject"`, true},
		{"case of a resource", `"Effect":"Allow","Resource":"arn:aws:s3:::B","Principal":"*","Action":"a:B"`, `"Effect":"Allow","Resource":"arn:aws:s3:::b","Principal":"*","Action":"a:B"`, false},
		{"account", rest + `"Action":"a:B","Principal":{"AWS":"111122223333"}`, rest + `"Action":"a:B","Principal":{"AWS":"arn:aws:iam::111122223333:root"}`, true},
		{"two forms of everybody in a Deny", `"Effect":"Deny","Resource":"*","Action":"a:B","Principal":{"AWS":"*"}`, `"Effect":"Deny","Resource":"*","Action":"a:B","Principal":"*"`, true},
		{"two forms of everybody in an Allow", rest + `"Action":"a:B","Principal":{"AWS":"*"}`, rest + `"Action":"a:B","Principal":"*"`, false},
		{"Principal or NotPrincipal", `"Effect":"Deny","Resource":"*","Action":"a:B","Principal":"*"`, `"Effect":"Deny","Resource":"*","Action":"a:B","NotPrincipal":"*"`, false},
		{"case of a key", rest + `"Principal":"*","Action":"a:B","Condition":{"Null":{"AWS:UserID":true}}`, rest + `"Principal":"*","Action":"a:B","Condition":{"Null":{"aws:userid":"true"}}`, true},
		{"case of a value", rest + `"Principal":"*","Action":"a:B","Condition":{"StringLike":{"a:b":"X"}}`, rest + `"Principal":"*","Action":"a:B","Condition":{"StringLike":{"a:b":"x"}}`, false},
		{"ArnEquals", rest + `"Principal":"*","Action":"a:B","Condition":{"ForAnyValue:ArnEquals":{"a:b":"X"}}`, rest + `"Principal":"*","Action":"a:B","Condition":{"ForAnyValue:ArnLike":{"a:b":"X"}}`, true},
		{"Sid", `"Sid":"A",` + rest + `"Principal":"*","Action":"a:B"`, rest + `"Principal":"*","Action":"a:B"`, false},
		{"Effect", rest + `"Principal":"*","Action":"a:B"`, `"Effect":"Deny","Resource":"*","Principal":"*","Action":"a:B"`, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := document(t, iam.KindBucket, []string{"{" + row.a + "}"})
			b := document(t, iam.KindBucket, []string{"{" + row.b + "}"})
			if got := iam.Equal(a, b); got != row.want {
				t.Errorf("equal: %t, want %t\n%s\n%s", got, row.want, a.Canonical(), b.Canonical())
			}
		})
	}
	t.Run("nil", func(t *testing.T) {
		t.Parallel()
		if !iam.Equal(nil, nil) || iam.Equal(nil, &iam.Document{}) || iam.Equal(&iam.Document{}, nil) {
			t.Error("a nil document equals only nil")
		}
	})
	t.Run("version", func(t *testing.T) {
		t.Parallel()
		if !iam.Equal(&iam.Document{}, &iam.Document{Version: iam.Version2008}) || iam.Equal(&iam.Document{}, &iam.Document{Version: iam.Version2012}) {
			t.Error("no version means the old one")
		}
	})
}

func TestMarshalRefusesWhatJSONCannotSay(t *testing.T) {
	t.Parallel()
	doc := &iam.Document{Statements: []iam.Statement{{Effect: iam.Allow, Conditions: []iam.Condition{
		{Operator: "StringLike", Key: "aws:userid", Values: []string{"a*"}},
		{Operator: "StringLike", Key: "AWS:UserId", Values: []string{"*b"}},
	}}}}
	if text, err := doc.MarshalJSON(); err == nil {
		t.Errorf("wrote %s", text)
	}
}

// Source: facts AWS §5, the size quota of a managed policy.
func TestNonWhitespaceLength(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, " \t\r\n": 0, `{"a": "b c"}`: 10, "ü ü": 2} {
		if got := iam.NonWhitespaceLength([]byte(text)); got != want {
			t.Errorf("%q has %d characters, want %d", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for i, text := range []string{
		`{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Action":["s3:Get*"],"Resource":["*"],"Condition":{"Bool":{"aws:SecureTransport":["true"]}}}]}`,
		`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333"]},"NotAction":"*","NotResource":"arn:aws:s3:::b/${aws:userid, 'x'}"}}`,
		`{"Version":"2012-10-17","Id":"x","Statement":{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8"]},"Null":{"a:b":false}}}]}`,
	} {
		f.Add(i, []byte(text))
	}
	kinds := []iam.Kind{iam.KindIdentity, iam.KindBucket, iam.KindTrust, iam.KindResource}
	f.Fuzz(func(t *testing.T, i int, text []byte) {
		kind := kinds[uint(i)%uint(len(kinds))]
		doc, err := iam.Parse(kind, text)
		if err != nil {
			return
		}
		written, err := doc.MarshalJSON()
		if err != nil {
			t.Fatalf("cannot write what was parsed: %v", err)
		}
		again, err := iam.Parse(kind, written)
		if err != nil {
			t.Fatalf("cannot parse what was written: %v in %s", err, written)
		}
		if !iam.Equal(doc, again) {
			t.Fatalf("meaning changed from %s to %s", text, written)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	w := base()
	ctx := iam.Context{}
	ctx.Set("aws:SecureTransport", "true")
	ctx.Set("aws:userid", "AROAT:orgA")
	ctx.Set("aws:PrincipalTag/org", "orgA")
	ctx.Set("s3:DataAccessPointArn", apARN+"A")
	set := iam.PolicySet{
		Identity:      policies(b, iam.KindIdentity, append(w.identity, allow(blobs, apARN+"A/object/${aws:PrincipalTag/org}/*", ""))),
		Session:       policies(b, iam.KindSession, w.session),
		SessionPassed: true,
		Resource:      resourcePolicy(b, iam.KindAP, w.ap),
	}
	for _, key := range []string{"orgA/x", "orgB/x"} {
		req := iam.Request{Principal: sessA, PrincipalRole: roleT, Action: get, Resource: apARN + "A/object/" + key, Account: account, Context: ctx}
		b.Run(fmt.Sprintf("%s %s", key, iam.Evaluate(req, set).Result), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				iam.Evaluate(req, set)
			}
		})
	}
}
