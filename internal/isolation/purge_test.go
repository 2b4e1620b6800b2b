package isolation_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func purging(t *testing.T) tenancy.Installation {
	t.Helper()
	in := installation(t, "chainloop-")
	in.PurgeRoleName = "chainloop-tenant-purge"
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// I8 where there is a purge: it reaches one organization, to delete, and everybody else
// reaches what they always did, with any layer missing.
func TestI8_APurgeReachesOneOrganizationWithAnyLayerMissing(t *testing.T) {
	t.Parallel()
	report, err := isolation.Prove(purging(t), isolation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	complain(t, report)
	tallies := report.Tallies()
	if last := tallies[len(tallies)-1]; last.Missing != isolation.PurgeRolePolicy || last.Attempts < 2000 {
		t.Errorf("the last layer: %+v", last)
	}
	var must int
	for _, row := range report.Rows {
		if row.MustAllow && strings.Contains(row.Attempt.Actor+row.Attempt.Target, "purge") {
			must++
		}
	}
	if must != 2*4 {
		t.Errorf("%d attempts of a purge must be allowed, want four for each organization", must)
	}
}

// Each row is a mistake in the purge, which the proof must reveal.
func TestI8_ProofFindsMistakesInThePurge(t *testing.T) {
	t.Parallel()
	for mistake, row := range map[string]struct {
		mutate func(*isolation.Scheme)
		action string // of an attempt that gets through
		target string
	}{
		"the bucket policy holds the role to no organization": {func(s *isolation.Scheme) {
			s.Bucket = drop(s.Bucket, "DenyPurgeOfOtherOrganizations")
		}, "s3:DeleteObjectVersion", "sha256:"},
		"the bucket policy holds the role to no action": {func(s *isolation.Scheme) {
			s.Bucket = drop(s.Bucket, "DenyPurgeRoleAnythingElse")
		}, "s3:GetObject", "sha256:"},
		"the bucket policy lets the role list everything": {func(s *isolation.Scheme) {
			s.Bucket = drop(s.Bucket, "DenyPurgeListingOfOtherOrganizations")
		}, "s3:ListBucketVersions", "prefix"},
		"the role's permissions are for the whole bucket": {func(s *isolation.Scheme) {
			s.Purge = edit(s.Purge, func(st *iam.Statement) {
				if st.Sid == "PurgeObjects" {
					st.Resources = []string{s.Installation.ObjectsARN()}
				}
			})
		}, "s3:DeleteObjectVersion", "sha256:"},
		"session name and tag need not agree": {func(s *isolation.Scheme) {
			s.PurgeTrust = withoutConditions(s.PurgeTrust)
		}, "sts:AssumeRole", "own name, other's tag"},
		"anybody is trusted": {func(s *isolation.Scheme) {
			s.PurgeTrust = toEverybody(s.PurgeTrust)
		}, "sts:AssumeRole", "purge the other"},
	} {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			s := isolation.SchemeOf(purging(t), "AROAEXAMPLE0BASE0ROLE")
			row.mutate(&s)
			report, err := s.Prove()
			if err != nil {
				t.Fatal(err)
			}
			for _, failure := range report.Failures() {
				if failure.Attempt.Action == row.action && strings.Contains(failure.Attempt.Target, row.target) {
					return
				}
			}
			t.Errorf("nothing reveals it: %d failures", len(report.Failures()))
		})
	}
}
