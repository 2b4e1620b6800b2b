package ownbucket_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/ownbucket"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// waiting is an STS that answers when it is told to.
type waiting struct{ asked, answer chan struct{} }

func (w waiting) AssumeRole(ctx context.Context, _ session.Request) (session.Credentials, error) {
	select {
	case w.asked <- struct{}{}:
	case <-ctx.Done():
		return session.Credentials{}, ctx.Err()
	}
	<-w.answer
	return session.Credentials{}, cloud.ErrThrottled
}

func installation(t *testing.T) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(tenancy.Installation{
		AccountID: "111122223333", Region: "eu-west-1", BucketName: "cas-prod", APPrefix: "cas-",
		KMSKeyARN:    "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", BackendRoleName: "backend", ControlplaneRoleName: "controlplane",
		OwnBucketRoles: []string{"arn:aws:iam::*:role/cas/*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

var acmes = tenancy.OwnBucket{Name: "acme-artifacts", Region: "eu-west-1", RoleARN: "arn:aws:iam::999999999999:role/cas/x", ExternalID: "x"}

// Whoever asks for validations again and again has one at a time, and all together have
// sixteen: what STS takes is the account's, and everybody needs it.
func TestValidationsTakeTurns(t *testing.T) {
	t.Parallel()
	const atOnce = 16
	sts := waiting{make(chan struct{}), make(chan struct{})}
	v := ownbucket.New(ownbucket.Config{Installation: installation(t), STS: sts})
	var under sync.WaitGroup
	validate := func(id org.ID) {
		under.Go(func() {
			if _, err := v.Validate(t.Context(), id, acmes); !errors.Is(err, cloud.ErrThrottled) {
				t.Errorf("one that had its turn: %v", err)
			}
		})
		<-sts.asked
	}
	first := org.NewID()
	validate(first)
	for range 2 {
		if _, err := v.Validate(t.Context(), first, acmes); !errors.Is(err, ownbucket.ErrBusy) {
			t.Errorf("a second one of the organization: %v", err)
		}
	}
	for range atOnce - 1 {
		validate(org.NewID())
	}
	if _, err := v.Validate(t.Context(), org.NewID(), acmes); !errors.Is(err, ownbucket.ErrBusy) {
		t.Errorf("one more than may be: %v", err)
	}
	close(sts.answer)
	under.Wait()
	validate(first)
	under.Wait()
}

// generous is an STS that lets everybody in, and moody a bucket that from its first write on
// does nothing any more.
type generous struct{}

func (generous) AssumeRole(context.Context, session.Request) (session.Credentials, error) {
	return session.Credentials{}, nil
}

type moody struct {
	ownbucket.Reach
	deletions *int
}

var errLeft = errors.New("the canary is left")

func (m moody) Delete(context.Context, string, string) error {
	if *m.deletions++; *m.deletions > 1 {
		return errLeft
	}
	return nil
}

func (moody) Abort(context.Context, string, string) error { return nil }

func (moody) Put(context.Context, string, string, digest.Digest, []byte) error {
	return cloud.ErrUnavailable
}

// A canary that may have been left behind is told of, whatever else went wrong.
func TestWhatIsLeftIsTold(t *testing.T) {
	t.Parallel()
	v := ownbucket.New(ownbucket.Config{
		Installation: installation(t), STS: generous{}, Open: func(session.Session) ownbucket.Reach { return moody{deletions: new(int)} },
	})
	finding, err := v.Validate(t.Context(), org.NewID(), acmes)
	if finding != "" || !errors.Is(err, cloud.ErrUnavailable) || !errors.Is(err, errLeft) {
		t.Errorf("%q, %v", finding, err)
	}
}
