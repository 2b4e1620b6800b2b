package iam_test

import (
	"fmt"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// The fixtures of facts AWS §3.5: tenant role T, its session orgA, an access point
// for each organization, and one bucket behind them.
const (
	account = "111122223333"
	bucket  = "arn:aws:s3:::cas-prod"
	apARN   = "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-prod-"
	roleT   = "arn:aws:iam::111122223333:role/T"
	sessA   = "arn:aws:sts::111122223333:assumed-role/T/orgA"
	admin   = "arn:aws:iam::111122223333:role/admin"
	rootARN = "arn:aws:iam::111122223333:root"
	keyARN  = "arn:aws:kms:eu-west-1:111122223333:key/k"
)

const (
	get  = "s3:GetObject"
	put  = "s3:PutObject"
	list = "s3:ListBucket"
)

func allow(action, resource, more string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Action":%s,"Resource":%s%s}`, quoted(action), quoted(resource), more)
}

func deny(action, resource, more string) string {
	return fmt.Sprintf(`{"Effect":"Deny","Action":%s,"Resource":%s%s}`, quoted(action), quoted(resource), more)
}

// quoted lets a cell of a table be one string, or JSON when it starts with "[".
func quoted(s string) string {
	if s[0] == '[' {
		return s
	}
	return `"` + s + `"`
}

func principal(p string) string { return `,"Principal":{"AWS":"` + p + `"}` }

const (
	blobs   = `["s3:GetObject","s3:PutObject"]`
	keyUse  = `["kms:GenerateDataKey","kms:Decrypt"]`
	useridA = `,"Condition":{"StringEquals":{"aws:userid":"AROAT:orgA"}}`
	anyone  = `,"Principal":"*"`
)

var (
	kms  = allow(keyUse, keyARN, "")
	i0   = allow(blobs, apARN+"*/object/*", "")
	s0   = allow(blobs, apARN+"A/object/orgA/*", "")
	lax  = allow(blobs, apARN+"A/object/*", "")
	none = allow(blobs, apARN+"C/object/*", "") // a session policy for the wrong access point

	bucketDeny     = deny(`["s3:GetObject*","s3:PutObject*"]`, bucket+"/*", anyone+`,"Condition":{"StringNotLike":{"s3:DataAccessPointArn":"`+apARN+`*"}}`)
	bucketDelegate = allow(`["s3:GetObject","s3:PutObject","s3:ListBucket"]`, `["`+bucket+`","`+bucket+`/*"]`, anyone+
		`,"Condition":{"StringEquals":{"s3:DataAccessPointAccount":"`+account+`"},"StringLike":{"s3:DataAccessPointArn":"`+apARN+`*"}}`)
	bucketTLS = deny("s3:*", `["`+bucket+`","`+bucket+`/*"]`, anyone+`,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`)
	keyRoot   = allow("kms:*", "*", principal(rootARN))
)

// ap0 is P0 of an organization: its own session may use its prefix, everybody else
// is out.
func ap0(org string) []string {
	return []string{
		allow(blobs, apARN+org+"/object/org"+org+"/*", principal(roleT)+`,"Condition":{"StringEquals":{"aws:userid":"AROAT:org`+org+`"}}`),
		deny(`["s3:GetObject*","s3:PutObject*"]`, apARN+org+"/object/*", anyone+`,"Condition":{"StringNotEquals":{"aws:userid":"AROAT:org`+org+`"}}`),
	}
}

// world is everything that decides one request; a row of the table changes it.
type world struct {
	principal, userid, action, org, key string
	apName                              string // overrides cas-prod-<org>
	apAccount                           string
	direct                              bool
	identity, session                   []string // session nil: none was passed
	ap, bucket, keyPolicy, endpoint     []string // nil: there is none
	context                             map[string]string
}

// base is the world of "base" in facts AWS §3.5: session A gets its own object
// through its own access point.
func base() world {
	return world{
		principal: sessA, userid: "AROAT:orgA", action: get, org: "A", key: "orgA/x", apAccount: account,
		identity: []string{i0, kms}, session: []string{s0, kms},
		ap: ap0("A"), bucket: []string{bucketDeny, bucketDelegate, bucketTLS}, keyPolicy: []string{keyRoot},
	}
}

func document(t testing.TB, kind iam.Kind, statements []string) *iam.Document {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[`
	for i, st := range statements {
		if i > 0 {
			text += ","
		}
		text += st
	}
	doc, err := iam.Parse(kind, []byte(text+"]}"))
	if err != nil {
		t.Fatalf("parse %s policy: %v", kind, err)
	}
	return doc
}

func resourcePolicy(t testing.TB, kind iam.Kind, statements []string) *iam.Policy {
	t.Helper()
	if statements == nil {
		return nil
	}
	return &iam.Policy{Name: string(kind), Document: document(t, kind, statements)}
}

func policies(t testing.TB, kind iam.Kind, statements []string) []iam.Policy {
	t.Helper()
	if len(statements) == 0 {
		return nil
	}
	return []iam.Policy{{Name: string(kind), Document: document(t, kind, statements)}}
}

// decide evaluates a request through an access point in its two contexts, or a direct
// one in the bucket's alone (facts AWS §2.3).
func (w world) decide(t testing.TB) iam.Decision {
	t.Helper()
	ctx := iam.Context{}
	ctx.Set("aws:SecureTransport", "true")
	if w.userid != "" {
		ctx.Set("aws:userid", w.userid)
	}
	for k, v := range w.context {
		ctx.Set(k, v)
	}
	set := iam.PolicySet{
		Identity:      policies(t, iam.KindIdentity, w.identity),
		Session:       policies(t, iam.KindSession, w.session),
		SessionPassed: w.session != nil,
		Endpoint:      resourcePolicy(t, iam.KindEndpoint, w.endpoint),
	}
	evaluate := func(resource, owner string, policy *iam.Policy) iam.Decision {
		set.Resource = policy
		return iam.Evaluate(iam.Request{Principal: w.principal, Action: w.action, Resource: resource, Account: owner, Context: ctx}, set)
	}
	bucketPolicy := resourcePolicy(t, iam.KindBucket, w.bucket)
	bucketResource := bucket
	if w.key != "" {
		bucketResource += "/" + w.key
	}
	if w.direct {
		return evaluate(bucketResource, account, bucketPolicy)
	}
	name := w.apName
	if name == "" {
		name = "cas-prod-" + w.org
	}
	ap := "arn:aws:s3:eu-west-1:" + w.apAccount + ":accesspoint/" + name
	ctx.Set("s3:DataAccessPointArn", ap)
	ctx.Set("s3:DataAccessPointAccount", w.apAccount)
	apResource := ap
	if w.key != "" {
		apResource += "/object/" + w.key
	}
	return iam.All(
		evaluate(apResource, w.apAccount, resourcePolicy(t, iam.KindAP, w.ap)),
		evaluate(bucketResource, account, bucketPolicy),
	)
}

// useKey evaluates the call that S3 makes to KMS with the caller's identity (§6).
func (w world) useKey(t testing.TB, action string) iam.Decision {
	t.Helper()
	ctx := iam.Context{}
	ctx.Set("kms:ViaService", "s3.eu-west-1.amazonaws.com")
	ctx.Set("kms:CallerAccount", account)
	return iam.Evaluate(iam.Request{Principal: w.principal, Action: action, Resource: keyARN, Account: account, Context: ctx}, iam.PolicySet{
		Identity:        policies(t, iam.KindIdentity, w.identity),
		Session:         policies(t, iam.KindSession, w.session),
		SessionPassed:   w.session != nil,
		Resource:        resourcePolicy(t, iam.KindKey, w.keyPolicy),
		RequireResource: true,
	})
}

// TestDecisionTable holds rows 1–46 of facts AWS §3.5 (source of every row), as far
// as an evaluator decides them. Where another layer has the last word, the row says
// so and holds what the evaluator contributes. Row 46 is TestPublicRow46.
func TestDecisionTable(t *testing.T) {
	t.Parallel()
	const (
		allowed  = iam.Allowed
		implicit = iam.ImplicitlyDenied
		explicit = iam.ExplicitlyDenied
	)
	wrong := []string{none, kms}
	rows := []struct {
		n      int
		name   string
		change func(*world)
		want   iam.Result
		layer  iam.Layer // of the deciding reason; empty: any
	}{
		{1, "own object through own access point", func(w *world) {}, allowed, ""},
		{2, "access point of B", func(w *world) { w.org, w.ap = "B", ap0("B") }, explicit, iam.LayerResource},
		{3, "key of B through own access point", func(w *world) { w.key = "orgB/y" }, implicit, iam.LayerSession},
		{4, "key of B, policies not scoped to the prefix", func(w *world) {
			w.key, w.session = "orgB/y", []string{lax}
			w.ap = []string{allow(blobs, apARN+"A/object/*", principal(roleT)+useridA)}
		}, allowed, ""},
		{5, "directly on the bucket", func(w *world) { w.direct = true }, explicit, iam.LayerResource},
		{6, "no session policy passed", func(w *world) { w.session = nil }, allowed, ""},
		{7, "no session policy passed, access point of B", func(w *world) { w.session, w.org, w.ap = nil, "B", ap0("B") }, explicit, iam.LayerResource},
		{8, "session policy for another access point, role named", func(w *world) { w.session = wrong }, implicit, iam.LayerSession},
		{9, "same, session named", func(w *world) {
			w.session = wrong
			w.ap = []string{allow(blobs, apARN+"A/object/orgA/*", principal(sessA))}
		}, allowed, iam.LayerResource},
		{10, "same, everybody named with a condition on the user id", func(w *world) {
			w.session = wrong
			w.ap = []string{allow(blobs, apARN+"A/object/orgA/*", anyone+useridA)}
		}, allowed, iam.LayerResource},
		{11, "same, account named", func(w *world) {
			w.session = wrong
			w.ap = []string{allow(blobs, apARN+"A/object/orgA/*", principal(rootARN))}
		}, implicit, iam.LayerSession},
		{12, "role has no identity policy, access point names it", func(w *world) { w.identity = nil }, allowed, iam.LayerResource},
		{13, "no identity policy and no access point policy", func(w *world) { w.identity, w.ap = nil, nil }, implicit, iam.LayerIdentity},
		{14, "no access point policy, bucket delegates", func(w *world) { w.ap = nil }, allowed, iam.LayerIdentity},
		{15, "neither policy, nothing on the bucket ARN", func(w *world) { w.ap, w.bucket = nil, nil }, implicit, iam.LayerIdentity},
		{16, "neither policy, identity and session allow the bucket ARN too", func(w *world) {
			w.ap, w.bucket = nil, nil
			onBucket := allow(blobs, bucket+"/*", "")
			w.identity, w.session = append(w.identity, onBucket), append(w.session, onBucket)
		}, allowed, iam.LayerIdentity},
		{17, "only the bucket ARN is allowed", func(w *world) {
			w.ap = nil
			w.identity, w.session = []string{allow(blobs, bucket+"/*", "")}, []string{allow(blobs, bucket+"/*", "")}
		}, implicit, iam.LayerIdentity},
		{18, "the alias is allowed", func(w *world) {
			w.ap = nil
			alias := allow(blobs, "arn:aws:s3:::cas-prod-a-abcdefghijklmnopqrstuvwxyz123456-s3alias/*", "")
			w.identity, w.session = []string{alias}, []string{alias}
		}, implicit, iam.LayerIdentity},
		{19, "session policy denies, access point allows everybody", func(w *world) {
			w.session = append(w.session, deny(get, "*", ""))
			w.ap = []string{allow(blobs, apARN+"A/object/*", anyone)}
		}, explicit, iam.LayerSession},
		{20, "identity policy denies the bucket ARN", func(w *world) { w.identity = append(w.identity, deny(get, bucket+"/*", "")) }, explicit, iam.LayerIdentity},
		{21, "bucket delegates to the role, session policy has no bucket ARN", func(w *world) {
			w.bucket = []string{bucketDeny, allow(blobs, bucket+"/*", principal(roleT))}
		}, implicit, iam.LayerSession},
		{22, "administrator through the access point", func(w *world) {
			w.principal, w.userid, w.identity, w.session = admin, "AROADMIN:me", []string{allow("*", "*", "")}, nil
		}, explicit, iam.LayerResource},
		{23, "administrator directly", func(w *world) {
			w.principal, w.userid, w.identity, w.session, w.direct = admin, "AROADMIN:me", []string{allow("*", "*", "")}, nil, true
		}, explicit, iam.LayerResource},
		{24, "administrator changes the bucket policy", func(w *world) {
			w.principal, w.identity, w.session, w.direct = admin, []string{allow("*", "*", "")}, nil, true
			w.action, w.key = "s3:PutBucketPolicy", ""
		}, allowed, iam.LayerIdentity},
		// That the root user may still change this policy is an exception S3 makes.
		{25, "same, the bucket denies s3:*", func(w *world) {
			w.principal, w.identity, w.session, w.direct = admin, []string{allow("*", "*", "")}, nil, true
			w.action, w.key = "s3:PutBucketPolicy", ""
			w.bucket = []string{deny("s3:*", `["`+bucket+`","`+bucket+`/*"]`, anyone+`,"Condition":{"StringNotLike":{"s3:DataAccessPointArn":"`+apARN+`*"}}`)}
		}, explicit, iam.LayerResource},
		// S3 refuses unsigned requests to access points before it evaluates.
		{26, "anonymous", func(w *world) { w.principal, w.userid, w.identity, w.session = iam.Anonymous, "", nil, nil }, explicit, iam.LayerResource},
		{27, "access point with another prefix", func(w *world) {
			w.apName = "other-x"
			w.ap = []string{allow(blobs, "arn:aws:s3:eu-west-1:111122223333:accesspoint/other-x/object/*", principal(roleT))}
		}, explicit, iam.LayerResource},
		{28, "access point of another account", func(w *world) { foreignAccessPoint(w) }, explicit, iam.LayerResource},
		{29, "same, the bucket's pattern leaves the account open", func(w *world) {
			foreignAccessPoint(w)
			w.bucket = []string{
				deny(blobs, bucket+"/*", anyone+`,"Condition":{"ArnNotLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:*:accesspoint/cas-prod-*"}}`),
				allow(blobs, bucket+"/*", anyone+`,"Condition":{"StringLike":{"s3:DataAccessPointArn":"*:accesspoint/cas-prod-*"}}`),
			}
		}, allowed, ""},
		// S3 itself compares the VPC; as a policy it is a Deny on aws:SourceVpc.
		{30, "access point of a VPC, caller outside", func(w *world) {
			w.ap = append(w.ap, deny(blobs, apARN+"A/object/*", anyone+`,"Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}`))
		}, explicit, iam.LayerResource},
		{31, "VPC endpoint policy lists the access point only", func(w *world) {
			w.endpoint = []string{allow(blobs, apARN+"*", anyone)}
		}, implicit, iam.LayerEndpoint},
		// Existence: S3 answers 404 instead of 403 when ListBucket is allowed (rows 36–38).
		{36, "missing object, no ListBucket", func(w *world) { w.action, w.key = list, "" }, implicit, iam.LayerIdentity},
		{37, "missing object, ListBucket on both ARNs", func(w *world) {
			w.action, w.key = list, ""
			may := allow(list, `["`+apARN+`A","`+bucket+`"]`, "")
			w.identity, w.session = append(w.identity, may), append(w.session, may)
		}, allowed, ""},
		{38, "missing object, ListBucket conditioned on the prefix", func(w *world) {
			w.action, w.key = list, ""
			may := allow(list, `["`+apARN+`A","`+bucket+`"]`, `,"Condition":{"StringLike":{"s3:prefix":"orgA/*"}}`)
			w.identity, w.session = append(w.identity, may), append(w.session, may)
		}, implicit, iam.LayerIdentity},
		{39, "tagging without PutObjectTagging", func(w *world) {
			w.action = "s3:PutObjectTagging"
			w.ap = w.ap[:1]
		}, implicit, iam.LayerIdentity},
		// The source of a copy is a request of its own, on the source's bucket.
		{40, "copy from another bucket", func(w *world) { w.apName, w.ap, w.bucket = "source", nil, nil }, implicit, iam.LayerIdentity},
		// Trust is asked at issuance only: no data request has a trust policy in its set.
		{41, "trust policy tightened afterwards", func(w *world) {}, allowed, ""},
		{42, "role policy edited to deny", func(w *world) { w.identity = []string{deny(blobs, "*", "")} }, explicit, iam.LayerIdentity},
		// S3 says InvalidAccessKeyId before; the policy that named the role names nobody.
		{43, "role deleted", func(w *world) {
			w.identity = nil
			w.ap = []string{allow(blobs, apARN+"A/object/*", principal("AROATENANTEXAMPLE0001"))}
		}, implicit, iam.LayerIdentity},
		{44, "role recreated", func(w *world) { w.userid = "AROANEW:orgA" }, explicit, iam.LayerResource},
		{45, "identity and resource policy both deny", func(w *world) {
			w.org, w.ap = "B", ap0("B")
			w.identity = append(w.identity, deny(get, "*", ""))
		}, explicit, ""},
	}
	seen := map[int]bool{32: true, 33: true, 34: true, 35: true, 46: true} // tested below
	for _, row := range rows {
		seen[row.n] = true
		t.Run(fmt.Sprintf("%d %s", row.n, row.name), func(t *testing.T) {
			t.Parallel()
			w := base()
			row.change(&w)
			got := w.decide(t)
			checkDecision(t, got, row.want, row.layer)
		})
	}
	for n := 1; n <= 46; n++ {
		if !seen[n] {
			t.Errorf("row %d has no test", n)
		}
	}
}

func foreignAccessPoint(w *world) {
	w.apAccount = "999988887777"
	foreign := allow(blobs, "arn:aws:s3:eu-west-1:999988887777:accesspoint/cas-prod-A/object/*", "")
	w.identity, w.session = []string{foreign}, nil
	w.ap = []string{allow(blobs, "arn:aws:s3:eu-west-1:999988887777:accesspoint/cas-prod-A/object/*", principal(roleT))}
}

func checkDecision(t *testing.T, got iam.Decision, want iam.Result, layer iam.Layer) {
	t.Helper()
	if got.Result != want {
		t.Fatalf("result %s, want %s; because %+v", got.Result, want, got.Because)
	}
	if len(got.Because) == 0 {
		t.Fatal("no reason given")
	}
	first := got.Because[0]
	if layer != "" && first.Layer != layer {
		t.Errorf("decided by the %s, want the %s: %s", first.Layer, layer, first.Text)
	}
	if first.Text == "" || (want == iam.ImplicitlyDenied) != (first.Statement == -1) {
		t.Errorf("reason does not fit the result: %+v", first)
	}
}

// TestDecisionTableKMS holds rows 32–35: the key is a context of its own, in which
// the key policy must allow (source: facts AWS §3.5 and §6.2).
func TestDecisionTableKMS(t *testing.T) {
	t.Parallel()
	direct := allow(keyUse, "*", principal(roleT))
	everybody := allow(keyUse, "*", anyone+`,"Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`)
	rows := []struct {
		name    string
		session []string
		key     []string
		want    iam.Result
		layer   iam.Layer
	}{
		{"base", []string{s0, kms}, []string{keyRoot}, iam.Allowed, iam.LayerResource},
		{"32 session policy without kms, key delegates to the account", []string{s0}, []string{keyRoot}, iam.ImplicitlyDenied, iam.LayerSession},
		{"33 same, key names the role", []string{s0}, []string{keyRoot, direct}, iam.ImplicitlyDenied, iam.LayerSession},
		{"34 same, key names everybody through S3", []string{s0}, []string{keyRoot, everybody}, iam.Allowed, iam.LayerResource},
		{"35 key names neither", []string{s0, kms}, []string{allow(keyUse, "*", principal(admin))}, iam.ImplicitlyDenied, iam.LayerResource},
	}
	for _, row := range rows {
		for _, action := range []string{"kms:GenerateDataKey", "kms:Decrypt"} {
			t.Run(row.name+" "+action, func(t *testing.T) {
				t.Parallel()
				w := base()
				w.session, w.keyPolicy = row.session, row.key
				checkDecision(t, w.useKey(t, action), row.want, row.layer)
			})
		}
	}
}

// TestPublicRow46: PutAccessPointPolicy refuses what Public calls public.
func TestPublicRow46(t *testing.T) {
	t.Parallel()
	open := document(t, iam.KindAP, []string{allow(get, apARN+"A/object/*", anyone+`,"Condition":{"StringLike":{"aws:userid":"AROAT:*"}}`)})
	if public, _ := iam.Public(iam.KindAP, open); !public {
		t.Error(`"*" with StringLike aws:userid "AROAT:*" is not public`)
	}
	fixed := document(t, iam.KindAP, ap0("A"))
	if public, because := iam.Public(iam.KindAP, fixed); public {
		t.Errorf("the policy of the fixture is public: %+v", because)
	}
}

// TestAllDenials: every statement that denies is named (source: facts AWS §3.5 row 45,
// AWS names one of them at random).
func TestAllDenials(t *testing.T) {
	t.Parallel()
	w := base()
	w.org, w.ap = "B", ap0("B")
	w.identity = append(w.identity, deny(get, "*", ""))
	layers := map[iam.Layer]bool{}
	for _, r := range w.decide(t).Because {
		layers[r.Layer] = true
	}
	if !layers[iam.LayerIdentity] || !layers[iam.LayerResource] {
		t.Errorf("layers that deny: %v, want identity and resource", layers)
	}
}
