package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// removed is one Plan of a Removal in the making.
type removed struct {
	*Removal
	in        tenancy.Installation
	plan      RemovalPlan
	hasBucket bool
	hasShared bool
}

const (
	// shownNames bounds a refusal that may be about thousands.
	shownNames = 3
	// countedVersions is up to where the contents of a bucket are counted: ten pages.
	countedVersions = 10_000
)

// organizations refuses while organizations have anything but objects.
func (r *removed) organizations(ctx context.Context) error {
	var points, others, elsewhere []string
	for ap, err := range r.Organizations.AccessPoints(ctx, r.in.BucketName, "") {
		switch {
		case errors.Is(err, cloud.ErrNotFound): // no bucket
		case err != nil:
			return err
		case strings.HasPrefix(ap.Name, r.in.APPrefix):
			points = append(points, ap.Name)
		default:
			others = append(others, ap.Name)
		}
	}
	for ap, err := range r.Organizations.AccountAccessPoints(ctx, r.in.APPrefix) {
		if err != nil {
			return err
		}
		if ap.Bucket != r.in.BucketName {
			elsewhere = append(elsewhere, ap.Name+" of bucket "+ap.Bucket)
		}
	}
	var policies []string
	for p, err := range r.Organizations.Policies(ctx, r.in.SessionPolicyPrefix) {
		if err != nil {
			return err
		}
		suffix := strings.TrimPrefix(p.Name, r.in.SessionPolicyPrefix)
		if _, err := org.ParseID(suffix); err == nil {
			policies = append(policies, p.Name)
		} else if p.ARN == r.in.SharedPolicyARN() {
			r.hasShared = true
		} else {
			r.plan.leave("policy %s, which begins with sessionPolicyPrefix and is no session policy", p.ARN)
		}
	}
	if len(points) > 0 {
		r.plan.refuse("%s: delete the organizations (managedcas organization delete) and wait until the backend has taken them away", some(points, "access point", "access points"))
	}
	if len(others) > 0 {
		r.plan.refuse("%s in bucket %s without the installation's prefix: find out whose they are, then aws s3control delete-access-point --account-id %s --name NAME", some(others, "access point", "access points"), r.in.BucketName, r.in.AccountID)
	}
	if len(elsewhere) > 0 {
		r.plan.refuse("%s with the installation's prefix in another bucket: is this the right configuration file?", some(elsewhere, "access point", "access points"))
	}
	if len(policies) > 0 {
		r.plan.refuse("%s: they belong to organizations; delete these, or what a backend has left behind: aws iam delete-policy --policy-arn %s", some(policies, "session policy", "session policies"), r.in.SessionPolicyARNPattern())
	}
	return nil
}

// some says how many there are, and names a few.
func some(names []string, one, more string) string {
	if len(names) == 1 {
		return "there is " + one + " " + names[0]
	}
	shown := strings.Join(names[:min(len(names), shownNames)], ", ")
	if len(names) > shownNames {
		shown += ", …"
	}
	return fmt.Sprintf("there are %d %s (%s)", len(names), more, shown)
}

// bucket plans the end of the bucket, which is recognised by its policy and empty.
func (r *removed) bucket(ctx context.Context) error {
	name := r.in.BucketName
	have, err := r.Buckets.Bucket(ctx, name)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	r.hasBucket = true
	if !mentions(iam.KindBucket, have.Policy, r.in.APARNPattern(), r.in.BaseRoleARN()) {
		r.plan.refuse("the policy of bucket %s does not name %s and %s: it is not known to be this installation's. Is this the right configuration file? If so, run managedcasd provision first", name, r.in.APARNPattern(), r.in.BaseRoleARN())
		return nil
	}
	contents, err := r.Buckets.BucketContents(ctx, name, countedVersions)
	if errors.Is(err, cloud.ErrDenied) {
		return fmt.Errorf("%w; the bucket policy lets only operators list it: put the ARN of who runs this into backend.managedCas.operatorArns, run managedcasd provision, and try again", err)
	}
	if err != nil {
		return err
	}
	if !contents.Empty() {
		more := ""
		if contents.More {
			more = ", and more"
		}
		r.plan.refuse("bucket %s holds %d versions of objects, %d delete markers and %d unfinished uploads%s: purge the deleted organizations (managedcasd purge; docs/deletion.md), or have a lifecycle rule empty the bucket (what begins with %s are the doctor's canaries, docs/doctor.md)",
			name, contents.Versions, contents.DeleteMarkers, contents.Uploads, more, org.CanaryPrefix)
	}
	r.plan.add("delete bucket "+name, func(ctx context.Context) error {
		err := r.Buckets.DeleteBucket(ctx, name)
		if errors.Is(err, cloud.ErrConflict) {
			return fmt.Errorf("%w; something was stored since the plan was made, and nothing is deleted: plan again", err)
		}
		return err
	})
	return nil
}

// key plans the end of the key, if it is asked for, and says what becomes of it.
func (r *removed) key(ctx context.Context) error {
	id := r.in.KMSKeyARN
	if id == "" {
		id = KeyAlias(r.in)
	}
	key, err := r.Keys.Key(ctx, id)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !key.DeletionAt.IsZero():
		r.plan.leave("KMS key %s, until %s: aws kms cancel-key-deletion --key-id %[1]s keeps it", key.ARN, key.DeletionAt.UTC().Format("2006-01-02"))
		return nil
	case r.DeleteKey == 0:
		r.plan.leave("KMS key %s: without it no copy and no backup of an artifact can be read. --delete-key DAYS has it deleted", key.ARN)
		return nil
	}
	if !key.Enabled {
		r.plan.refuse("KMS key %s is disabled: whose it is cannot be told; aws kms enable-key --key-id %[1]s, or leave --delete-key out", key.ARN)
		return nil
	}
	if others := r.foreignInKey(key.Policy); len(others) > 0 || !mentions(iam.KindKey, key.Policy, r.in.BucketARN()) {
		r.plan.refuse("the policy of KMS key %s is not the installation's alone, so somebody else may need the key%s; leave --delete-key out", key.ARN, strings.Join(others, ""))
		return nil
	}
	days := r.DeleteKey
	r.plan.add(fmt.Sprintf("have KMS delete key %s after %d days; no copy and no backup of an artifact can be read then", key.ARN, days), func(ctx context.Context) error {
		_, err := r.Keys.ScheduleKeyDeletion(ctx, key.ARN, days)
		return err
	})
	return nil
}

// foreignInKey returns the statements of the key's policy that are not provision's.
func (r *removed) foreignInKey(policy []byte) []string {
	d, err := iam.Parse(iam.KindKey, policy)
	if err != nil {
		return []string{": " + err.Error()}
	}
	explained, _ := tenancy.Explain("key-policy")
	var others []string
	for _, s := range d.Statements {
		if _, ours := explained.Statements[s.Sid]; !ours {
			others = append(others, fmt.Sprintf(": %s", text(s)))
		}
	}
	return slices.Compact(others)
}

// sharedPolicy plans the end of the session policy that all organizations have in the mode
// abac: no organization takes it along. It names no bucket, so that its name alone does not
// tell whose it is: bucket or base role do.
func (r *removed) sharedPolicy(ctx context.Context) error {
	if !r.hasShared {
		return nil
	}
	if !r.hasBucket {
		base, err := r.findBase(ctx)
		if err != nil {
			return err
		}
		if base == nil || !base.ours {
			r.plan.leave("policy %s: neither bucket nor base role tell that it is this installation's; when nobody needs it: aws iam delete-policy --policy-arn %[1]s", r.in.SharedPolicyARN())
			return nil
		}
	}
	r.plan.add("delete policy "+r.in.SharedPolicyName(), func(ctx context.Context) error {
		return r.Organizations.DeletePolicy(ctx, r.in.SharedPolicyARN())
	})
	return nil
}
