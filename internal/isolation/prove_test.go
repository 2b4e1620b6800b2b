package isolation_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

var update = flag.Bool("update", false, "rewrite golden files")

const baseRoleID = "AROAEXAMPLE0BASE0ROLE"

// dashed and undashed are the two forms of access point names: a prefix of at most
// 14 characters, and a longer one.
const (
	dashed   = "chainloop-"
	undashed = "chainloop-prod-"
)

func installation(t testing.TB, apPrefix string) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(tenancy.Installation{
		AccountID:            "111122223333",
		Region:               "eu-west-1",
		BucketName:           "chainloop-artifacts",
		KMSKeyARN:            "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		APPrefix:             apPrefix,
		BaseRoleName:         "chainloop-tenant",
		SessionPolicyPrefix:  "cas-",
		BackendRoleName:      "chainloop-backend",
		ControlplaneRoleName: "chainloop-controlplane",
		OperatorARNs:         []string{"arn:aws:iam::111122223333:root"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func complain(t *testing.T, report isolation.Report) {
	t.Helper()
	for i, row := range report.Failures() {
		if i == 10 {
			t.Errorf("and %d more", len(report.Failures())-i)
			break
		}
		t.Errorf("without %s: %+v: must be allowed %t, but %s: %s",
			row.Missing, row.Attempt, row.MustAllow, row.Decision.Result, row.Decision.Because[0].Text)
	}
}

func TestI8_NoSessionReachesAnotherOrganizationWithAnyLayerMissing(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{dashed, undashed} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			report, err := isolation.Prove(installation(t, prefix), isolation.Options{})
			if err != nil {
				t.Fatal(err)
			}
			complain(t, report)
			for i, tally := range report.Tallies() {
				if tally.Missing != isolation.Layers()[i] || tally.Attempts < 2000 {
					t.Errorf("only %d attempts without %s, at place %d", tally.Attempts, tally.Missing, i)
				}
			}
		})
	}
}

// Ids drawn at random, and more than two of them.
func TestI8_HoldsForAnyOrganizations(t *testing.T) {
	t.Parallel()
	ids := []org.ID{org.NewID(), org.NewID(), org.NewID()}
	t.Log("organizations", ids)
	report, err := isolation.Prove(installation(t, undashed), isolation.Options{Organizations: ids})
	if err != nil {
		t.Fatal(err)
	}
	complain(t, report)
}

// More than DESIGN I8 asks: any two layers may be missing at once and another
// organization's artifacts stay out of reach. Left out are attempts to manage AWS
// itself, which a base role that may do everything succeeds with unless a session
// policy is there, and an organization's own artifact by another's access point.
func TestI8_ArtifactsStayApartWithAnyTwoLayersMissing(t *testing.T) {
	t.Parallel()
	layers := isolation.Layers()[1:]
	for _, prefix := range []string{dashed, undashed} {
		scheme := isolation.SchemeOf(installation(t, prefix), baseRoleID)
		for _, first := range layers {
			report, err := scheme.Without(first).Prove()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range report.Failures() {
				if row.MustAllow || row.Attempt.Route == "management" || row.Attempt.Owned {
					continue
				}
				t.Errorf("%s without %s and %s: %+v is %s", prefix, first, row.Missing, row.Attempt, row.Decision.Result)
			}
		}
	}
}

func TestProveNeedsTwoOrganizations(t *testing.T) {
	t.Parallel()
	id := org.NewID()
	for name, ids := range map[string][]org.ID{"one": {id}, "the same twice": {id, id}, "nobody": {id, {}}} {
		_, err := isolation.Prove(installation(t, dashed), isolation.Options{Organizations: ids})
		if !errors.Is(err, isolation.ErrOrganizations) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Which statement decides is part of the proof: a denial for the wrong reason hides
// a layer that does nothing. One line for each route, with all the causes found.
func TestDecidingStatements(t *testing.T) {
	t.Parallel()
	shown := []string{"s3:GetObject", "s3:ListBucket", "s3:PutAccessPointPolicy", "kms:Decrypt", "sts:AssumeRole"}
	for name, prefix := range map[string]string{"dashed": dashed, "undashed": undashed} {
		report, err := isolation.Prove(installation(t, prefix), isolation.Options{})
		if err != nil {
			t.Fatal(err)
		}
		causes := map[string][]string{}
		var order []string
		for _, row := range report.Rows {
			if !slices.Contains(shown, row.Attempt.Action) {
				continue
			}
			who, _, _ := strings.Cut(row.Attempt.Actor, " ")
			line := fmt.Sprintf("missing %s: %s: %s by %s", row.Missing, who, row.Attempt.Action, row.Attempt.Route)
			first := row.Decision.Because[0]
			cause := fmt.Sprintf("%s, %s: %s", row.Decision.Result, first.Layer, cmp.Or(first.Sid, "no statement"))
			if causes[line] == nil {
				order = append(order, line)
			}
			if !slices.Contains(causes[line], cause) {
				causes[line] = append(causes[line], cause)
			}
		}
		var text strings.Builder
		for _, line := range order {
			slices.Sort(causes[line])
			fmt.Fprintf(&text, "%s\n\t%s\n", line, strings.Join(causes[line], "\n\t"))
		}
		compare(t, filepath.Join("testdata", "deciding-"+name+".txt"), text.String())
	}
}

// compare checks text against a file, or writes it there under -update.
func compare(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s differs; run with -update if that is intended (-want +got):\n%s", file, diff)
	}
}
