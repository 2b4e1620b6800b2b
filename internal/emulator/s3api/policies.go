package s3api

import (
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxPolicies bounds the parsed policies that are kept: those of a bucket and of the
// access points that are in use at a time.
const maxPolicies = 1024

// policies reads the stored policies of buckets and access points, each text once.
// Parsed documents are shared between requests and never changed.
type policies struct {
	parsed *lru.Cache[storedPolicy, parsedPolicy]
}

type storedPolicy struct {
	kind iam.Kind
	text string
}

type parsedPolicy struct {
	document *iam.Document
	public   bool
}

func newPolicies() *policies {
	cache, err := lru.New[storedPolicy, parsedPolicy](maxPolicies)
	if err != nil {
		panic("s3api: " + err.Error()) // only a size below 1 is refused
	}
	return &policies{cache}
}

func (p *policies) bucket(t target, caller *api.Caller) *iam.Policy {
	doc := p.inForce(iam.KindBucket, t.bucket.Policy, t.effective.RestrictPublicBuckets, t.bucket.AccountID, caller)
	if doc == nil {
		return nil
	}
	return &iam.Policy{Name: "bucket policy of " + t.bucket.Name, Document: doc}
}

func (p *policies) accessPoint(t target, caller *api.Caller) *iam.Policy {
	restrict := t.effective.Union(t.via.PublicAccessBlock).RestrictPublicBuckets && t.via.VpcID == ""
	doc := p.inForce(iam.KindAP, t.via.Policy, restrict, t.via.AccountID, caller)
	if doc == nil {
		return nil
	}
	return &iam.Policy{Name: "access point policy of " + t.via.Name, Document: doc}
}

// inForce returns a stored policy as it applies to caller. RestrictPublicBuckets
// takes the grants of a public policy from everybody but the owner's account and AWS
// services (facts AWS §2.5); what it denies stays denied.
func (p *policies) inForce(kind iam.Kind, text []byte, restrict bool, owner string, caller *api.Caller) *iam.Document {
	if len(text) == 0 {
		return nil
	}
	parsed := p.parse(kind, text)
	inside := caller.Kind == api.Service || caller.Kind != api.Anonymous && caller.AccountID == owner
	if !restrict || inside || !parsed.public {
		return parsed.document
	}
	denials := *parsed.document
	denials.Statements = slices.DeleteFunc(slices.Clone(denials.Statements), func(st iam.Statement) bool { return st.Effect != iam.Deny })
	return &denials
}

func (p *policies) parse(kind iam.Kind, text []byte) parsedPolicy {
	at := storedPolicy{kind, string(text)}
	if parsed, ok := p.parsed.Get(at); ok {
		return parsed
	}
	doc, err := iam.Parse(kind, text)
	if err != nil {
		// It was accepted once; a text that cannot be read any more must not turn into
		// one without its denials.
		doc = denyAll()
	}
	public, _ := iam.Public(kind, doc)
	parsed := parsedPolicy{doc, public}
	p.parsed.Add(at, parsed)
	return parsed
}

func denyAll() *iam.Document {
	return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Sid: "StoredPolicyIsUnreadable", Effect: iam.Deny, Principals: &iam.Principals{Any: true},
		Actions: []string{"*"}, Resources: []string{"*"},
	}}}
}
