package s3api

import (
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// us-east-1 is named by not naming it; naming it is invalid rather than of another Region
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList).
func TestLocationConstraint(t *testing.T) {
	t.Parallel()
	const invalid, illegal = "InvalidLocationConstraint", "IllegalLocationConstraintException"
	for _, tc := range []struct{ region, location, code string }{
		{"us-east-1", "", ""},
		{"us-east-1", "us-east-1", invalid},
		{"us-east-1", "us-west-2", illegal},
		{"us-west-2", "us-west-2", ""},
		{"us-west-2", "", illegal},
		{"us-west-2", "us-east-1", illegal},
	} {
		s, got := &Service{cfg: Config{Region: tc.region}}, ""
		if err, ok := s.checkLocation(tc.location).(*api.Error); ok {
			got = err.Code
			if got == invalid && (err.Status != 400 || err.Message != "The specified location-constraint is not valid") {
				t.Errorf("%d %s", err.Status, err.Message)
			}
		}
		if got != tc.code {
			t.Errorf("%q in %s: got %q, want %q", tc.location, tc.region, got, tc.code)
		}
	}
}
