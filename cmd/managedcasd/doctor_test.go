package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/service"
)

// What failed comes first, with commands that can be pasted, then a line for each check.
func TestDoctorPage(t *testing.T) {
	t.Parallel()
	report := doctor.Report{Results: []doctor.Result{
		{Check: "a", Title: "the first holds", Status: doctor.OK, Detail: "42%"},
		{Check: "b", Title: "the second holds", Status: doctor.Warning, Findings: []doctor.Finding{{Code: "second-weak", Status: doctor.Warning, What: "it is weak", Fix: doctor.Fix{Text: "think"}}}},
		{Check: "c", Title: "the third holds", Status: doctor.Failed, Findings: []doctor.Finding{{
			Code: "third-wrong", Status: doctor.Failed, What: "it is wrong", Evidence: "seen", Consequence: "nothing works",
			Fix: doctor.Fix{Text: "put it right", Commands: []string{"aws x --policy '{}'"}},
		}}},
		{Check: "d", Title: "the fourth holds", Status: doctor.Unseen, Detail: "denied\n" + strings.Repeat("x", 300)},
		{Check: "e", Title: "the fifth holds", Status: doctor.Unseen, Detail: "reading role r: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/cas/pod is not authorized to perform: iam:GetRole on resource: role r because no identity-based policy allows the iam:GetRole action"},
	}}
	want := `FAILED: it is wrong  [third-wrong]
  evidence:    seen
  consequence: nothing works
  fix:         put it right
aws x --policy '{}'

WARNING: it is weak  [second-weak]
  fix:         think

ok       the first holds (42%)
warning  the second holds
failed   the third holds
unseen   the fourth holds (denied; ` + strings.Repeat("x", 232) + `…)
unseen   the fifth holds (reading role r: this identity may not use iam:GetRole)

5 checks: 1 failed, 1 with warnings, 2 unseen, 1 ok
`
	var page, text bytes.Buffer
	if err := printDoctor(&page, report, "table"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, page.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := printDoctor(&text, report, "json"); err != nil {
		t.Fatal(err)
	}
	var back doctor.Report
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || cmp.Diff(report, back) != "" {
		t.Errorf("%v %s", err, cmp.Diff(report, back))
	}
}

func TestDoctorExitCodes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "managedcas.yaml")
	if err := os.WriteFile(file, []byte("backend: {managedCas: {bucket: x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--config", file}, 3, "1 finding needs an operator"},
		{[]string{"--config", file + ".none"}, 3, "1 finding needs an operator"},
		{[]string{}, 2, "--config is missing"},
		{[]string{"--config", file, "-o", "xml"}, 2, "use table or json"},
		{[]string{"--config", file, "--as", "root"}, 2, "use backend, controlplane or cas"},
		{[]string{"--config", file, "--patience", "-1s"}, 2, "0s to 10m0s"},
		{[]string{"--config", file, "--patience", "10m1s"}, 2, "0s to 10m0s"},
		{[]string{"--config", file, "--patience", "10m"}, 3, "1 finding"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"doctor"}, row.args...), nil, &stdout, &stderr); code != row.code || !strings.Contains(stderr.String(), row.says) {
			t.Errorf("%v: exit code %d, %s; want %d, %q", row.args, code, stderr.String(), row.code, row.says)
		}
	}
}

// An administrator's configuration, as the guide has it, needs no database; a workload's does.
func TestDoctorWithoutDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := filepath.Join(dir, "url")
	if err := os.WriteFile(there, []byte("mysql://x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		as       doctor.Workload
		database service.Database
		notTried bool
	}{
		"an administrator, no database":          {doctor.Administrator, service.Database{}, true},
		"an administrator, a file in the pods":   {doctor.Administrator, service.Database{URLFile: filepath.Join(dir, "none")}, true},
		"an administrator, a file that is there": {doctor.Administrator, service.Database{URLFile: there}, false},
		"an administrator, a wrong URL":          {doctor.Administrator, service.Database{URL: "mysql://x"}, false},
		"the backend, no database":               {doctor.Backend, service.Database{}, false},
		"cas, a file that is not mounted":        {doctor.CAS, service.Database{URLFile: filepath.Join(dir, "none")}, false},
	} {
		s := stores{as: row.as}
		s.cfg.Database = row.database
		_, err := s.Schema(t.Context())
		if err == nil || errors.Is(err, doctor.ErrNotTried) != row.notTried {
			t.Errorf("%s: %v", name, err)
		}
	}
}
