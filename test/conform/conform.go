// Package conform says what an AWS endpoint does, as far as this product relies on
// it, in the terms of the AWS SDK. The embedded AWS is held to it in every build;
// an AWS account can be, with the same Run. A check that the embedded AWS passes and
// AWS fails is an error of the embedded AWS. docs/conformance.md tells how.
package conform

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"
)

// Target is an endpoint to check.
type Target struct {
	// Config is that of an administrator who is a user or a role session: AWS lets no
	// root user assume a role.
	Config    aws.Config
	AccountID string
	// AdministratorARN is the user or role behind Config, for trust policies.
	AdministratorARN string
	// Prefix begins the name of everything that is made, "conform-" if empty. It is at
	// most 20 characters that bucket names may have.
	Prefix string
	// Patience is how long a change may take until every part of the endpoint knows of
	// it: none for the embedded AWS, minutes for AWS, whose IAM and S3 configuration are
	// eventually consistent (facts AWS §5, §7.3).
	Patience time.Duration
}

// Run checks target. Everything that it makes has a random name and is removed.
func Run(t *testing.T, target Target) {
	t.Helper()
	for _, check := range []struct {
		name string
		run  func(*testing.T, Target)
	}{
		{"identity", identity},
		{"session policies", sessionPolicies},
		{"session names and tags", sessionTags},
		{"limits of sessions", sessionLimits},
		{"role chaining", roleChaining},
		{"managed policies", managedPolicies},
		{"policy versions", policyVersions},
		{"pages of IAM", pagesOfIAM},
		{"roles", roles},
		{"access points", accessPoints},
		{"management of access points", manageAccessPoints},
		{"access point policies", accessPointPolicies},
		{"pages of access points", pagesOfAccessPoints},
		{"objects", objects},
		{"conditional requests", conditionalRequests},
		{"ranges", ranges},
		{"lists", lists},
		{"multipart uploads", multipartUploads},
		{"buckets", buckets},
		{"keys", keys},
		{"objects under a key", objectsUnderKey},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, target)
		})
	}
}

// name returns a new name for something, good for every service. It ends in more than
// the 12 digits that would make a bucket's name look like an access point's host (facts
// AWS §1.1), which the embedded AWS refuses.
func (target Target) name(what string) string {
	prefix := target.Prefix
	if prefix == "" {
		prefix = "conform-"
	}
	return prefix + what + "-r" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
}

// must returns v, or ends the test.
func must[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// eventually asks until ask succeeds or the target's patience is over, and returns the
// last error.
func (target Target) eventually(t *testing.T, ask func() error) error {
	t.Helper()
	const pause = 2 * time.Second
	end := time.Now().Add(target.Patience)
	for {
		err := ask()
		if err == nil || time.Now().Add(pause).After(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-t.Context().Done():
			return err
		}
	}
}

// allowed demands that ask succeeds, once what was made before is known everywhere.
func (target Target) allowed(t *testing.T, what string, ask func() error) {
	t.Helper()
	if err := target.eventually(t, ask); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// refused demands that ask fails with an AWS error code and HTTP status, once what was
// made before is known everywhere. Code "" stands for any: a HEAD has no body to tell it.
func (target Target) refused(t *testing.T, what string, status int, code string, ask func() error) {
	t.Helper()
	err := target.eventually(t, func() error {
		err := ask()
		if gotCode, got := answer(err); got == status && (code == "" || gotCode == code) {
			return nil
		}
		return unexpected{err}
	})
	if wrong, ok := errors.AsType[unexpected](err); ok {
		gotCode, got := answer(wrong.error)
		t.Errorf("%s: %s (%d), want %s (%d): %v", what, gotCode, got, code, status, wrong.error)
	}
}

// unexpected is an answer other than the wanted refusal; its error may be nil.
type unexpected struct{ error }

func (u unexpected) Error() string { return fmt.Sprint(u.error) }

// answer is the AWS error code and HTTP status of an SDK's error.
func answer(err error) (code string, status int) {
	if err == nil {
		return "OK", http.StatusOK
	}
	code = err.Error()
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		code = e.ErrorCode()
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = e.HTTPStatusCode()
	}
	return code, status
}

// cleanup registers the removal of what was made.
func (target Target) cleanup(t *testing.T, what string, remove func() error) {
	t.Helper()
	t.Cleanup(func() {
		// t.Context is over by now, so eventually would ask once: removal is one call.
		if err := remove(); err != nil {
			t.Error(fmt.Errorf("removing %s: %w", what, err))
		}
	})
}

// failure makes an ask of a call of which only the error matters.
func failure[Out any](_ Out, err error) error { return err }
