package decisions_test

import (
	"encoding/json"
	"testing"
)

// document is a policy. Every statement of an installation has a Sid of its own, by
// which the journal names what decided.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal any `json:",omitempty"` // "*" or principal
	Action    []string
	Resource  []string  `json:",omitempty"` // a trust policy has none
	Condition condition `json:",omitempty"`
}

// principal maps a kind ("AWS", "Service") to a name.
type principal map[string]string

// condition maps operator and key to the value.
type condition map[string]map[string]any

const anyone = "*"

// policy returns the document with these statements, or nil for none: there is no
// such policy then.
func policy(statements ...statement) *document {
	if len(statements) == 0 {
		return nil
	}
	return &document{Version: "2012-10-17", Statement: statements}
}

func (d *document) text(t testing.TB) string {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func allow(sid string, actions []string, resources ...string) statement {
	return statement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources}
}

func deny(sid string, actions []string, resources ...string) statement {
	return statement{Sid: sid, Effect: "Deny", Action: actions, Resource: resources}
}

func (s statement) to(principal any) statement { s.Principal = principal; return s }

// when adds a condition; those that are there stay.
func (s statement) when(operator, key string, value any) statement {
	with := condition{}
	for o, keys := range s.Condition {
		with[o] = keys
	}
	with[operator] = map[string]any{key: value}
	for k, v := range s.Condition[operator] {
		with[operator][k] = v
	}
	s.Condition = with
	return s
}

var (
	readWrite   = []string{"s3:GetObject", "s3:PutObject"}
	dataActions = []string{"s3:GetObject*", "s3:PutObject*"}
	useKey      = []string{"kms:GenerateDataKey", "kms:Decrypt"}
	listing     = []string{"s3:ListBucket"}
	everything  = []string{"*"}
)

// documents are the policies of an installation; nil means that there is none.
type documents struct {
	identity *document            // I0: of the tenant role
	session  *document            // S0(A): passed by ARN to AssumeRole
	ap       map[string]*document // P0, by access point
	bucket   *document            // B0
	key      *document            // K0
	trust    *document            // of the tenant role
}

// base returns the documents I0, S0(A), P0(A), P0(B), B0 and K0 of facts AWS §3.5.
// Names of access points have no capitals (§1.1), so A's is cas-prod-a.
func (w *world) base() *documents {
	return &documents{
		identity: policy(
			allow("I0Blobs", readWrite, apARN("cas-prod-*")+"/object/*"),
			allow("I0Key", useKey, w.keyARN)),
		session: policy(
			allow("S0Blobs", readWrite, apARN(apA)+"/object/orgA/*"),
			allow("S0Key", useKey, w.keyARN)),
		ap: map[string]*document{
			apA: policy(w.ownSession(apA, "orgA"), w.others(apA, "orgA")),
			apB: policy(w.ownSession(apB, "orgB"), w.others(apB, "orgB")),
		},
		bucket: policy(outsideAccessPoints(dataActions), delegation(anyone), plainHTTP()),
		key:    policy(allow("K0Account", []string{"kms:*"}, "*").to(principal{"AWS": rootARN})),
		trust:  policy(allow("TrustCAS", []string{"sts:AssumeRole", "sts:TagSession"}).to(principal{"AWS": casARN})),
	}
}

func (w *world) ownSession(ap, org string) statement {
	return allow("P0Own", readWrite, apARN(ap)+"/object/"+org+"/*").to(principal{"AWS": roleARN}).
		when("StringEquals", "aws:userid", w.roleID+":"+org)
}

func (w *world) others(ap, org string) statement {
	return deny("P0Others", dataActions, apARN(ap)+"/object/*").to(anyone).
		when("StringNotEquals", "aws:userid", w.roleID+":"+org)
}

func outsideAccessPoints(actions []string) statement {
	return deny("B0Outside", actions, bucketARN, bucketARN+"/*").to(anyone).
		when("StringNotLike", "s3:DataAccessPointArn", apARN("cas-prod-*"))
}

func delegation(to any) statement {
	return allow("B0Delegate", readWrite, bucketARN+"/*").to(to).
		when("StringEquals", "s3:DataAccessPointAccount", account).
		when("StringLike", "s3:DataAccessPointArn", apARN("cas-prod-*"))
}

func plainHTTP() statement {
	return deny("B0PlainHTTP", []string{"s3:*"}, bucketARN, bucketARN+"/*").to(anyone).
		when("Bool", "aws:SecureTransport", "false")
}
