package provision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// RemovedRoles is IAM's roles, for their end.
type RemovedRoles interface {
	Role(ctx context.Context, name string) (cloud.Role, error)
	RolePolicy(ctx context.Context, role, name string) ([]byte, error)
	RolePolicies(ctx context.Context, role string) (cloud.RolePolicies, error)
	// DeleteRolePolicy and DeleteRole are content with what is gone already.
	DeleteRolePolicy(ctx context.Context, role, name string) error
	DeleteRole(ctx context.Context, name string) error
}

// RemovedKeys is KMS, for the key's end.
type RemovedKeys interface {
	Key(ctx context.Context, id string) (cloud.Key, error)
	ScheduleKeyDeletion(ctx context.Context, keyARN string, days int) (time.Time, error)
}

// RemovedBuckets is S3, for the bucket's end.
type RemovedBuckets interface {
	Bucket(ctx context.Context, name string) (cloud.Bucket, error)
	// BucketContents counts up to about atMost.
	BucketContents(ctx context.Context, name string, atMost int) (cloud.Contents, error)
	// DeleteBucket fails if anything is in the bucket; it is content with one that is gone.
	DeleteBucket(ctx context.Context, name string) error
}

// Organizations is what organizations have in AWS.
type Organizations interface {
	AccessPoints(ctx context.Context, bucket, prefix string) iter.Seq2[cloud.AccessPoint, error]
	AccountAccessPoints(ctx context.Context, prefix string) iter.Seq2[cloud.AccessPoint, error]
	Policies(ctx context.Context, prefix string) iter.Seq2[cloud.Policy, error]
	DeletePolicy(ctx context.Context, arn string) error
}

// The days for which KMS keeps a key whose deletion was asked for.
const (
	MinKeyDays = 7
	MaxKeyDays = 30
)

// Removal takes away what Provisioner has put in place, in the reverse order: a bucket
// without its roles is of no use to anybody, roles without their bucket can do nothing.
//
//   - It refuses while anything of an organization is left.
//   - It recognises what it deletes by the names in its policies; what is not all the
//     installation's own stays, and is named.
//   - The key stays, unless DeleteKey says otherwise: without it nothing that was ever
//     stored can be read, in no copy and no backup.
type Removal struct {
	Installation  tenancy.Installation // KMSKeyARN may be empty, as in Config
	Roles         RemovedRoles
	Keys          RemovedKeys
	Buckets       RemovedBuckets
	Organizations Organizations
	// DeleteKey is for how many days KMS keeps the key; 0: for good.
	DeleteKey int
	// Begun, if there is one, is called before each step of Apply, the first being 1.
	Begun func(n int, step Step)
}

// RemovalPlan is what Removal will do.
type RemovalPlan struct {
	// Refusals say what is in the way, each with what to do about it. With one of them there
	// are no steps.
	Refusals []string `json:"refusals,omitempty"`
	Steps    []Step   `json:"steps"`
	// Left is what stays in AWS.
	Left []string `json:"left,omitempty"`
}

func (plan *RemovalPlan) refuse(format string, args ...any) {
	plan.Refusals = append(plan.Refusals, fmt.Sprintf(format, args...))
}

func (plan *RemovalPlan) leave(format string, args ...any) {
	plan.Left = append(plan.Left, fmt.Sprintf(format, args...))
}

func (plan *RemovalPlan) add(does string, do func(ctx context.Context) error) {
	plan.Steps = append(plan.Steps, Step{Does: does, do: do})
}

// Plan observes AWS, and changes nothing.
func (r *Removal) Plan(ctx context.Context) (RemovalPlan, error) {
	in, err := checked(r.Installation)
	if err != nil {
		return RemovalPlan{}, err
	}
	if d := r.DeleteKey; d != 0 && (d < MinKeyDays || d > MaxKeyDays) {
		return RemovalPlan{}, fmt.Errorf("KMS keeps a key for %d to %d days, not %d", MinKeyDays, MaxKeyDays, d)
	}
	scene := &removed{Removal: r, in: in, plan: RemovalPlan{Steps: []Step{}}}
	for _, part := range []func(context.Context) error{
		scene.organizations, scene.bucket, scene.key, scene.sharedPolicy, scene.roles,
	} {
		if err := part(ctx); err != nil {
			return RemovalPlan{}, err
		}
	}
	if len(scene.plan.Refusals) > 0 {
		scene.plan.Steps = []Step{}
	}
	return scene.plan, nil
}

// Apply carries a plan out. The step that fails ends it, and done says how many are done:
// plan again for what is left.
func (r *Removal) Apply(ctx context.Context, plan RemovalPlan) (done int, err error) {
	if len(plan.Refusals) > 0 {
		return 0, errors.New("refused: something is in the way")
	}
	for i, step := range plan.Steps {
		if r.Begun != nil {
			r.Begun(i+1, step)
		}
		if err := patiently(ctx, step, passesRemoval); err != nil {
			return i, err
		}
	}
	return len(plan.Steps), nil
}

// passesRemoval: of a conflict nobody waits for the end, for it is that something is left.
func passesRemoval(err error) bool {
	return errors.Is(err, cloud.ErrThrottled) || errors.Is(err, cloud.ErrUnavailable)
}
