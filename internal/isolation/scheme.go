// Package isolation proves, without AWS, that a session of one organization reaches
// nothing of another, even when one layer of the scheme is missing (DESIGN I8).
//
// A proof is exhaustive over its catalogue: every action, by every route, on every
// kind of name that belongs to somebody else, for every ordered pair of
// organizations, with each layer knocked out in turn. Each attempt is evaluated as
// AWS would (facts AWS §2.3): through an access point there are two contexts, the
// access point's and the bucket's, and both must allow.
//
// What it cannot show: that the documents in an account are the ones proven here.
// That is the reconciler's and the doctor's work.
package isolation

import (
	"slices"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Layer is one of the layers that keep organizations apart.
type Layer string

// The layers of DESIGN I8, and the key policy. What is missing is replaced by the
// widest thing that a mistake could plausibly put in its place.
const (
	// None is missing: the full scheme.
	None Layer = "none"
	// APPolicy (I8a): no access point has a policy.
	APPolicy Layer = "access point policy"
	// SessionPolicy (I8b): AssumeRole was called without one.
	SessionPolicy Layer = "session policy"
	// BaseRolePolicy (I8c): the base role may do everything to everything.
	BaseRolePolicy Layer = "base role policy"
	// BucketPolicy (I8d): the bucket only delegates to access points.
	BucketPolicy Layer = "bucket policy"
	// NameBinding (I8e): the session was minted with the other organization's session
	// policy, as by a tampered secret. That the request carries the other's names is
	// true of every attempt.
	NameBinding Layer = "name binding"
	// KeyPolicy: the key leaves everything to IAM.
	KeyPolicy Layer = "key policy"
)

// Layers returns every layer that a proof knocks out, None first.
func Layers() []Layer {
	return []Layer{None, APPolicy, SessionPolicy, BaseRolePolicy, BucketPolicy, NameBinding, KeyPolicy}
}

// Scheme is the documents that decide. Change one to see what the others still hold.
type Scheme struct {
	Installation tenancy.Installation
	BaseRoleID   string // unique id, as in aws:userid

	Bucket, Key             *iam.Document
	BaseRoleTrust, BaseRole *iam.Document
	Backend, Controlplane   *iam.Document
	PurgeTrust, Purge       *iam.Document                      // nil: the installation does not purge
	AccessPoint, Session    func(tenancy.Tenant) *iam.Document // nil document: there is none
}

// SchemeOf returns the scheme of an installation as package tenancy has it.
func SchemeOf(in tenancy.Installation, baseRoleID string) Scheme {
	s := Scheme{
		Installation:  in,
		BaseRoleID:    baseRoleID,
		Bucket:        in.BucketPolicy(),
		Key:           in.KeyPolicy(),
		BaseRoleTrust: in.BaseRoleTrust(),
		BaseRole:      in.BaseRolePermissions(),
		Backend:       in.BackendPermissions(),
		Controlplane:  in.ControlplanePermissions(),
		AccessPoint:   func(t tenancy.Tenant) *iam.Document { return t.APPolicy(baseRoleID) },
		Session:       tenancy.Tenant.SessionPolicy,
	}
	if in.Purges() {
		s.PurgeTrust, s.Purge = in.PurgeRoleTrust(), in.PurgeRolePermissions()
	}
	return s
}

// Without returns the scheme with one layer knocked out.
func (s Scheme) Without(layer Layer) Scheme {
	switch layer {
	case APPolicy:
		s.AccessPoint = func(tenancy.Tenant) *iam.Document { return nil }
	case SessionPolicy:
		s.Session = func(tenancy.Tenant) *iam.Document { return nil }
	case BaseRolePolicy:
		s.BaseRole = everythingAllowed()
	case PurgeRolePolicy:
		s.Purge = everythingAllowed()
	case BucketPolicy:
		s.Bucket = grantsOf(s.Bucket)
	case KeyPolicy:
		s.Key = &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
			Sid: "LeftToIAM", Effect: iam.Allow, Actions: []string{"kms:*"}, Resources: []string{"*"},
			Principals: &iam.Principals{AWS: []string{s.Installation.RootARN()}},
		}}}
	case None, NameBinding: // NameBinding is about how a session is minted: see attempts
	}
	return s
}

func everythingAllowed() *iam.Document {
	return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Sid: "EverythingAllowed", Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"},
	}}}
}

// grantsOf returns the document without its denials.
func grantsOf(d *iam.Document) *iam.Document {
	return &iam.Document{Version: d.Version, Statements: slices.DeleteFunc(
		slices.Clone(d.Statements), func(s iam.Statement) bool { return s.Effect == iam.Deny })}
}
