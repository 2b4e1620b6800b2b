package reconcile

import (
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// BeyondRepair says what an operator has to do before an organization can be
// reconciled. Its text becomes the organization's reason.
type BeyondRepair struct {
	Problem string
	Fix     string
}

func (e *BeyondRepair) Error() string { return e.Problem + ": " + e.Fix }

// Difference returns the steps that lead from observed to desired, in an order in
// which the organization never has an access point that anybody but its own sessions
// could use: the bucket policy admits nothing through an access point without a
// policy but the installation's own roles, and sessions need the coordinates, which
// are written last.
func Difference(desired Desired, observed Observed) ([]Step, error) {
	if desired.Gone {
		return removal(desired, observed), nil
	}
	if err := immutable(desired, observed.AccessPoint); err != nil {
		return nil, err
	}
	t, plan := desired.Tenant, sessionPolicies(desired, observed)
	if observed.AccessPoint == nil {
		plan = append(plan, CreateAccessPoint{Name: t.APName(), Bucket: desired.Bucket})
	}
	if !same(iam.KindAP, observed.AccessPointPolicy, desired.AccessPointPolicy) {
		plan = append(plan, PutAccessPointPolicy{Name: t.APName(), Policy: desired.AccessPointPolicy})
	}
	if observed.Coordinates == nil || *observed.Coordinates != desired.Coordinates {
		plan = append(plan, SaveSecret{Org: t.ID(), Coordinates: desired.Coordinates})
	}
	if !observed.Backend {
		plan = append(plan, SaveBackend{Org: t.ID()})
	}
	return plan, nil
}

// taken is for what AWS neither shows nor lets create, however often it is asked: names of
// policies are one space for all paths, and ours are read at "/".
func taken(err error) error {
	return &BeyondRepair{
		Problem: fmt.Sprintf("something else has the name (%v)", err),
		Fix:     "look for an IAM policy of that name at another path (aws iam list-policies --scope Local); find out who made it, and delete it",
	}
}

// originInternet is the network origin of an access point that is not bound to a VPC.
const originInternet = "Internet"

// immutable checks what AWS lets nobody change after creation (facts AWS §1.3).
func immutable(desired Desired, ap *cloud.AccessPoint) error {
	if ap == nil {
		return nil
	}
	remake := fmt.Sprintf("find out who made it; if nobody needs it, run: managedcasd reconcile --config FILE --org %s --recreate", desired.Tenant.ID())
	switch {
	case ap.Bucket != desired.Bucket:
		return &BeyondRepair{fmt.Sprintf("access point %s belongs to bucket %s, not %s", ap.Name, ap.Bucket, desired.Bucket),
			"if backend.managedCas.bucketName is right, " + remake}
	case ap.NetworkOrigin != originInternet:
		return &BeyondRepair{fmt.Sprintf("access point %s accepts requests from a VPC only (network origin %s)", ap.Name, ap.NetworkOrigin), remake}
	case !ap.Block.All():
		return &BeyondRepair{fmt.Sprintf("access point %s does not block all public access", ap.Name), remake}
	}
	return nil
}
