package reconcile

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// AccessPoints is S3 Control. Errors wrap those of package cloud.
type AccessPoints interface {
	// CreateAccessPoint blocks all public access, and returns what was made; an existing
	// name is cloud.ErrExists.
	CreateAccessPoint(ctx context.Context, name, bucket string) (cloud.AccessPoint, error)
	AccessPoint(ctx context.Context, name string) (cloud.AccessPoint, error)
	// DeleteAccessPoint is content when there is none. Objects stay in the bucket.
	DeleteAccessPoint(ctx context.Context, name string) error
	PutAccessPointPolicy(ctx context.Context, name string, policy *iam.Document) error
	// AccessPointPolicy is cloud.ErrNotFound when there is none.
	AccessPointPolicy(ctx context.Context, name string) ([]byte, error)
}

// Policies is IAM's customer-managed policies. Errors wrap those of package cloud.
type Policies interface {
	// CreatePolicy returns what a listing will show; an existing name is cloud.ErrExists.
	CreatePolicy(ctx context.Context, name, description string, policy *iam.Document) (cloud.Policy, error)
	// Policy returns the default version, and which one it is.
	Policy(ctx context.Context, arn string) (cloud.Policy, []byte, error)
	// AddPolicyVersion adds a version as the default; a sixth is cloud.ErrLimit.
	AddPolicyVersion(ctx context.Context, arn string, policy *iam.Document) error
	// PrunePolicy deletes the oldest versions but the default until keep are left.
	PrunePolicy(ctx context.Context, arn string, keep int) error
	// DeletePolicy is content when there is none.
	DeletePolicy(ctx context.Context, arn string) error
}

// Roles reads IAM roles.
type Roles interface {
	Role(ctx context.Context, name string) (cloud.Role, error)
}

// Organizations is the database: what is wanted, and what came of it.
type Organizations interface {
	OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error)
	SetOrganizationState(ctx context.Context, id org.ID, next org.State, reason string) (org.Organization, error)
	Backends(ctx context.Context, id org.ID) ([]registry.Backend, error)
	// SaveManagedBackend makes the managed backend exist and be valid, and the default
	// unless the organization chose another.
	SaveManagedBackend(ctx context.Context, id org.ID) error
	// OrganizationsToReconcile returns up to limit organizations in the order of their
	// ids; without states, those that are not deleted.
	OrganizationsToReconcile(ctx context.Context, after org.ID, limit int, states ...org.State) ([]org.Organization, error)
	// CountOrganizations counts all, deleted ones included.
	CountOrganizations(ctx context.Context) (int, error)
	// DeleteManagedBackend is content when there is none.
	DeleteManagedBackend(ctx context.Context, id org.ID) error
	// Deletion is registry.ErrNotFound when RetainObjects was not called.
	Deletion(ctx context.Context, id org.ID) (registry.Deletion, error)
	// RetainObjects records when the objects of a deleted organization may go. Repeating
	// it changes nothing; registry.ErrNotDeleted when it was brought back.
	RetainObjects(ctx context.Context, id org.ID, retention time.Duration) error
	// RenewRetention begins the recorded retention anew, unless the purge has begun.
	RenewRetention(ctx context.Context, id org.ID) error
}

// Jobs say which organizations are to be reconciled: those that were created or changed,
// those whose last try failed, and those that Look is called for.
type Jobs interface {
	// Work calls do for organizations, up to atOnce at a time, until ctx ends, and returns
	// when the last call has. Of all processes, one has an organization at a time; one
	// whose process dies is given to another. An error that has a RetryAfter is no failure:
	// do is called again after that.
	Work(ctx context.Context, atOnce int, do func(ctx context.Context, id org.ID) error) error
	// Claim reports whether the next cycle is the caller's: whether the last one, in any
	// process, began at least a period ago.
	Claim(ctx context.Context, period time.Duration) (bool, error)
	// Look has organizations reconciled.
	Look(ctx context.Context, ids []org.ID) error
}

// Secrets is where the data path reads an organization's coordinates from.
type Secrets interface {
	// Coordinates is registry.ErrNotFound when there are none.
	Coordinates(ctx context.Context, id org.ID) (tenancy.Coordinates, error)
	PutCoordinates(ctx context.Context, id org.ID, c tenancy.Coordinates) error
	// DeleteCoordinates is content when there are none.
	DeleteCoordinates(ctx context.Context, id org.ID) error
}
