// Package rollout starts the three roles as a cluster would from what the chart renders, each
// as a process with the identity of its service account, against an embedded AWS that is a
// process as well, and stores something.
package rollout

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/test/process"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// TestRollout is every example of the chart.
func TestRollout(t *testing.T) {
	t.Parallel()
	programs := build(t)
	examples, err := filepath.Glob("../../deploy/helm/examples/*.yaml")
	must(t, err)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	metrics := &exposed{kinds: map[string]string{}, labels: map[string]map[string]map[string]bool{}}
	t.Cleanup(func() { // when all examples have ended
		if metrics.scraped == len(examples) {
			metrics.want(t)
		}
	})
	for _, file := range examples {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rollOut(t, programs, name, metrics)
		})
	}
}

// build returns the directory of the programs.
func build(t *testing.T) string {
	t.Helper()
	programs := t.TempDir()
	must(t, process.Build(programs, "../..", "./cmd/..."))
	return programs
}

func rollOut(t *testing.T, programs, name string, metrics *exposed) {
	s := newSite(t, programs, rendered(t, name), provisioned)
	up := s.start()
	managedcas := func(args ...string) string {
		return run(t, up.environment, filepath.Join(programs, "managedcas"), args...)
	}

	// AWS throttles once: a counter of that is there from then on.
	s.account.administer(t, http.MethodPut, "/_aws/faults", []map[string]any{{"service": "s3control", "operation": "CreateAccessPoint", "kind": "throttle", "count": 1}}, nil)

	// What the notes say then, and the guide's Verify.
	managedcas("organization", "create", "acme", "--wait", "90s")
	if list := managedcas("--org", "acme", "cas-backend", "list"); !strings.Contains(list, "chainloop-cloud-storage") || !strings.Contains(list, "managed by Chainloop") {
		t.Errorf("its storage backends are\n%s", list)
	}
	content := bytes.Repeat([]byte("an artifact of acme\n"), 100_000)
	attest(t, up.api, strings.TrimSpace(managedcas("--org", "acme", "token", "create", "--name", "ci")), s.authority)
	artifact, back := filepath.Join(t.TempDir(), "artifact"), filepath.Join(t.TempDir(), "back")
	must(t, os.WriteFile(artifact, content, 0o600))
	managedcas("--org", "acme", "artifact", "upload", "-f", artifact)
	managedcas("--org", "acme", "artifact", "download", "-d", fmt.Sprintf("sha256:%x", sha256.Sum256(content)), "--output", back)
	if got := read(t, back); got != string(content) {
		t.Errorf("%d bytes came back of %d", len(got), len(content))
	}
	// Each was who it should be, and as the organization the base role.
	for operation, want := range map[string][]string{
		"CreateAccessPoint": {s.in.BackendRoleName},
		"AssumeRole":        {s.in.BackendRoleName, s.in.CASRoleName},
		"PutObject":         {s.in.BaseRoleName},
	} {
		if diff := cmp.Diff(want, s.account.roles(t, operation)); diff != "" {
			t.Errorf("%s was called by (-want +got):\n%s", operation, diff)
		}
	}
	metrics.scrape(t, s, up)
	up.stop(t)
}
