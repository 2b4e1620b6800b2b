package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// ClosedAPPolicy returns the policy of an access point that is about to be deleted.
// Nobody gets any data through it, the organization's own sessions included: they may
// live for an hour more, and AWS has no call that ends them.
func (t Tenant) ClosedAPPolicy() *iam.Document {
	return document(iam.Statement{
		Sid:        "Closed",
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    append(everyObjectAction(), everyListAction),
		Resources:  []string{t.APARN(), t.APARN() + "/object/*"},
	})
}
