// Package conform says what an AWS endpoint does, as far as this product relies on
// it, in the terms of the AWS SDK. The embedded AWS is held to it in every build;
// an AWS account can be, with the same Run. A check that the embedded AWS passes and
// AWS fails is an error of the embedded AWS.
package conform

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

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
		{"access points", accessPoints},
		{"objects", objects},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, target)
		})
	}
}

// name returns a new name for something, good for every service.
func name(what string) string {
	return "conform-" + what + "-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
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

// refused demands an error with an AWS error code and HTTP status.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	got := "no error"
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		got = e.ErrorCode()
	} else if err != nil {
		got = err.Error()
	}
	at := http.StatusOK
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		at = e.HTTPStatusCode()
	}
	if got != code || at != status {
		t.Errorf("%s (%d), want %s (%d): %v", got, at, code, status, err)
	}
}

// cleanup registers the removal of what was made.
func cleanup(t *testing.T, what string, remove func() error) {
	t.Helper()
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(fmt.Errorf("removing %s: %w", what, err))
		}
	})
}
