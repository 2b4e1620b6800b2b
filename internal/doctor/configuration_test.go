package doctor

import (
	"errors"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// Every mistake in a configuration is a finding, not only the first.
func TestMisconfigured(t *testing.T) {
	t.Parallel()
	_, err := tenancy.New(tenancy.Installation{})
	report := Misconfigured("x.yaml", err)
	want := "config-account config-region config-bucket-name config-access-point-prefix config-session-policy-prefix config-roles config-roles config-roles config-roles"
	if got := codes(report.Findings()); got != want || report.Status() != Failed {
		t.Errorf("got %s, want %s", got, want)
	}
	report = Misconfigured("x.yaml", errors.New(`x.yaml: line 3: unknown key "bucket"; there are a, b; line 5: "x": want true or false`))
	if got := codes(report.Findings()); got != "config-unknown-key config-invalid" {
		t.Errorf("got %s: %+v", got, report.Findings())
	}
}

func TestWorkloadOf(t *testing.T) {
	t.Parallel()
	in := installation(t)
	shared := in
	shared.CASRoleName = shared.ControlplaneRoleName
	for arn, want := range map[string]Workload{
		"arn:aws:sts::111122223333:assumed-role/backend/eks-1":      Backend,
		"arn:aws:sts::111122223333:assumed-role/cas/eks-1":          CAS,
		"arn:aws:sts::111122223333:assumed-role/controlplane/eks-1": Controlplane,
		"arn:aws:sts::111122223333:assumed-role/admin/backend":      Administrator,
		"arn:aws:iam::111122223333:root":                            Administrator,
		"arn:aws:iam::111122223333:user/backend":                    Administrator,
	} {
		if got := WorkloadOf(in, arn); got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
	if got := WorkloadOf(shared, "arn:aws:sts::111122223333:assumed-role/controlplane/eks-1"); got != Controlplane {
		t.Errorf("shared: %s", got)
	}
}

// Before provision nobody knows the key's ARN: the fix says who does.
func TestMissingKeySaysWhoKnowsIt(t *testing.T) {
	t.Parallel()
	for mistake, want := range map[string]bool{`KMS key "": want an ARN`: true, `KMS key "alias/x": want an ARN`: false} {
		f := Misconfigured("x.yaml", errors.New(mistake)).Findings()[0]
		if strings.Contains(f.Fix.Text, "provision prints it") != want {
			t.Errorf("%s: %s", mistake, f.Fix.Text)
		}
	}
}
