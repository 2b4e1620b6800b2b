package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Step is one change. It prints as what it does, in the imperative.
type Step interface {
	fmt.Stringer
	apply(ctx context.Context, r *Reconciler) error
}

// keepVersions is how many versions of a session policy stay before a new one: IAM
// stores five (facts AWS §5).
const keepVersions = 4

// The steps of a creation or repair; those of a deletion are in removal.go.
type (
	// CreateSessionPolicy creates the organization's managed policy.
	CreateSessionPolicy struct {
		Name   string
		Org    org.ID
		Policy *iam.Document
	}
	// ReplaceSessionPolicy makes a new version the default. Live sessions follow.
	ReplaceSessionPolicy struct {
		ARN    string
		Policy *iam.Document
	}
	// CreateAccessPoint creates the organization's access point.
	CreateAccessPoint struct{ Name, Bucket string }
	// PutAccessPointPolicy replaces the policy of the access point.
	PutAccessPointPolicy struct {
		Name   string
		Policy *iam.Document
	}
	// SaveSecret tells the data path where the organization's artifacts are.
	SaveSecret struct {
		Org         org.ID
		Coordinates tenancy.Coordinates
	}
	// SaveBackend records the managed storage backend as valid.
	SaveBackend struct{ Org org.ID }
)

func (s CreateSessionPolicy) String() string  { return "create session policy " + s.Name }
func (s ReplaceSessionPolicy) String() string { return "replace session policy " + s.ARN }
func (s CreateAccessPoint) String() string {
	return "create access point " + s.Name + " on bucket " + s.Bucket
}
func (s PutAccessPointPolicy) String() string { return "put the policy of access point " + s.Name }
func (s SaveSecret) String() string           { return "save the coordinates of organization " + s.Org.String() }
func (s SaveBackend) String() string {
	return "save the storage backend of organization " + s.Org.String()
}

func (s CreateSessionPolicy) apply(ctx context.Context, r *Reconciler) error {
	_, err := s.create(ctx, r)
	return err
}

func (s CreateSessionPolicy) create(ctx context.Context, r *Reconciler) (cloud.Policy, error) {
	policy, err := r.cfg.Policies.CreatePolicy(ctx, s.Name, "Session policy of organization "+s.Org.String(), s.Policy)
	return policy, full(err, noPolicyRoom, morePolicies)
}

func (s ReplaceSessionPolicy) apply(ctx context.Context, r *Reconciler) error {
	if err := r.cfg.Policies.PrunePolicy(ctx, s.ARN, keepVersions); err != nil {
		return err
	}
	return r.cfg.Policies.AddPolicyVersion(ctx, s.ARN, s.Policy)
}

func (s CreateAccessPoint) apply(ctx context.Context, r *Reconciler) error {
	_, err := s.create(ctx, r)
	return err
}

func (s CreateAccessPoint) create(ctx context.Context, r *Reconciler) (cloud.AccessPoint, error) {
	ap, err := r.cfg.AccessPoints.CreateAccessPoint(ctx, s.Name, s.Bucket)
	return ap, full(err, noAccessPointRoom, moreAccessPoints)
}

func (s PutAccessPointPolicy) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.AccessPoints.PutAccessPointPolicy(ctx, s.Name, s.Policy)
}

func (s SaveSecret) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Secrets.PutCoordinates(ctx, s.Org, s.Coordinates)
}

func (s SaveBackend) apply(ctx context.Context, r *Reconciler) error {
	return r.cfg.Organizations.SaveManagedBackend(ctx, s.Org)
}

// What is wrong with a full account, and what to do.
const (
	noPolicyRoom      = "the account has no room for another customer-managed IAM policy"
	morePolicies      = `request a higher quota "Customer managed policies in an AWS account" in Service Quotas`
	noAccessPointRoom = "the account has no room for another S3 access point in this Region"
	moreAccessPoints  = `request a higher quota "Access Points" of Amazon S3 in Service Quotas`
)

// full says what to do about a quota; waiting does not help.
func full(err error, problem, fix string) error {
	if errors.Is(err, cloud.ErrLimit) {
		return errors.Join(&BeyondRepair{Problem: problem, Fix: fix}, err)
	}
	return err
}
