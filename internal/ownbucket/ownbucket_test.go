package ownbucket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/ownbucket"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/rig"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// without is a document whose statements lack an action.
func without(d *iam.Document, action string) *iam.Document {
	copied := &iam.Document{Version: d.Version}
	for _, s := range d.Statements {
		var left []string
		for _, a := range s.Actions {
			if a != action {
				left = append(left, a)
			}
		}
		if s.Actions = left; len(left) > 0 {
			copied.Statements = append(copied.Statements, s)
		}
	}
	return copied
}

// W23, W25: what S3 answers counts, and nothing is left of it.
func TestAValidationFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b := r.CustomerBucket(t, id)
	full := r.Installation.Tenant(id).CustomerPermissions(b.Name)
	v := r.Validator(t)
	validate := func(what string, b tenancy.OwnBucket, id org.ID, want string) {
		t.Helper()
		finding, err := v.Validate(t.Context(), id, b)
		if err != nil || (want == "") != (finding == "") || !strings.Contains(finding, want) {
			t.Errorf("%s: found %q, %v, want %q", what, finding, err, want)
		}
		if keys := r.BucketKeys(t, b.Name); len(keys) != 0 {
			t.Errorf("%s: it left %q", what, keys)
		}
		for _, ours := range []string{r.Installation.BucketName, r.Installation.BaseRoleName, "workload", "request "} {
			if strings.Contains(finding, ours) {
				t.Errorf("%s: the finding %q names what is ours: %q", what, finding, ours)
			}
		}
	}
	validate("as it should be", b, id, "")
	for _, action := range []string{"s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutObject", "s3:GetObject", "s3:ListBucket"} {
		r.Permit(t, id, b, without(full, action))
		validate("without "+action, b, id, action)
	}
	r.Permit(t, id, b, full)
	validate("another organization", b, r.Org(t), "s3:DeleteObject")
	r.Trust(t, b, "somebody-elses")
	validate("without trust", b, id, "trust policy")
	r.Trust(t, b, b.ExternalID)
	validate("as it should be again", b, id, "")
}

// A role without the condition works for every organization that names it: it is found
// out before it is recorded.
func TestARoleThatTakesAnyExternalID(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b, v := r.CustomerBucket(t, id), r.Validator(t)
	if finding, err := v.Guarded(t.Context(), id, b); finding != "" || err != nil {
		t.Errorf("as it should be: %q, %v", finding, err)
	}
	r.TrustAnybody(t, b)
	if finding, err := v.Validate(t.Context(), id, b); finding != "" || err != nil {
		t.Errorf("it works: %q, %v", finding, err)
	}
	if finding, err := v.Guarded(t.Context(), id, b); !strings.Contains(finding, "any external id") || err != nil {
		t.Errorf("without the condition: %q, %v", finding, err)
	}
}

// silent is an STS that does not answer, and busy one that does not want to.
type silent struct{}

func (silent) AssumeRole(ctx context.Context, _ session.Request) (session.Credentials, error) {
	<-ctx.Done()
	return session.Credentials{}, ctx.Err()
}

type busy struct{}

func (busy) AssumeRole(context.Context, session.Request) (session.Credentials, error) {
	return session.Credentials{}, fmt.Errorf("assuming: %w", cloud.ErrThrottled)
}

// W24: the time that a validation has reaches AWS.
func TestAValidationEnds(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b := r.CustomerBucket(t, id)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		finding, err := ownbucket.New(ownbucket.Config{Installation: r.Installation, STS: silent{}}).Validate(t.Context(), id, b)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || finding != "" || took != ownbucket.Timeout {
			t.Errorf("after %s: %q, %v", took, finding, err)
		}
	})
}

func TestAValidationThatCouldNotBeMadeSaysNothing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	b := r.OwnBackend(t, id, r.CustomerBucket(t, id))
	v := ownbucket.New(ownbucket.Config{Installation: r.Installation, STS: busy{}})
	if err := v.Pass(t.Context(), r.DB, time.Now().Add(time.Minute), slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	if got, err := r.DB.Backend(t.Context(), id, b.ID); err != nil || got.Status != registry.BackendValid || !got.CheckAt.After(b.CheckAt) {
		t.Errorf("%+v, %v: a busy STS made it invalid, or it is not tried again", got, err)
	}
}

func TestAPassRecordsWhatItFinds(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{OwnBuckets: true})
	id := r.Org(t)
	bucket := r.CustomerBucket(t, id)
	b := r.OwnBackend(t, id, bucket)
	v, log := r.Validator(t), slog.New(slog.DiscardHandler)
	pass := func(at time.Time) registry.Backend {
		t.Helper()
		if err := v.Pass(t.Context(), r.DB, at, log); err != nil {
			t.Fatal(err)
		}
		got, err := r.DB.Backend(t.Context(), id, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	soon := time.Now().Add(time.Minute)
	if got := pass(soon); got.Status != registry.BackendValid || !got.ValidatedAt.After(b.ValidatedAt) {
		t.Errorf("after the first pass: %+v", got)
	}
	r.Trust(t, bucket, "somebody-elses")
	if got := pass(soon); got.Status != registry.BackendValid {
		t.Errorf("it was validated before its time: %+v", got)
	}
	later := time.Now().Add(2 * time.Hour)
	if got := pass(later); got.Status != registry.BackendInvalid || got.ValidationError == "" {
		t.Errorf("without trust: %+v", got)
	}
	r.Trust(t, bucket, bucket.ExternalID)
	if got := pass(later.Add(2 * time.Hour)); got.Status != registry.BackendValid || got.ValidationError != "" {
		t.Errorf("with trust again: %+v", got)
	}
}
