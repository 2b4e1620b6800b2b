package diagnosis

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/sources"
)

// made lists the access points of the account and its policies.
func (s *site) made(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(s.must(t, s.administrator(), "sh", "-euc",
		"aws s3control list-access-points --account-id $ACCOUNT --query AccessPointList[].Name --output text; aws iam list-policies --scope Local --query Policies[].PolicyName --output text"))
}

// TestInterrupted: who does not want to wait for a canary any longer leaves nothing behind.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	s := newSite(t)
	// Nothing that can be read explains it, so that it may still be on its way.
	s.administer(t, http.MethodPut, "/_aws/faults", map[string]any{"rules": []map[string]any{
		{"service": "s3", "operation": "PutObject", "kind": "error", "status": 403, "code": "AccessDenied"},
	}}, nil)
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "managedcasd"), "doctor", "--config", s.config, "--patience", "10m")
	cmd.Env, cmd.Dir = s.as(t, "backend"), s.dir
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline, tick := time.After(patience), time.NewTicker(50*time.Millisecond); ; {
		var journal struct{ Entries []struct{ Code string } }
		s.administer(t, http.MethodGet, "/_aws/journal?operation=PutObject", nil, &journal)
		if len(journal.Entries) > 0 { // it stores, in vain, and will do so for ten minutes
			tick.Stop()
			break
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the doctor ended: %v", err)
		case <-deadline:
			t.Fatalf("the doctor has stored nothing after %s", patience)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the doctor does not end")
	}
	if left := s.made(t); left != "" && left != "None" {
		t.Errorf("it has left %s", left)
	}
}

// TestKilled: what a doctor that was killed has left, the next one takes away; and it lets
// alone what another one is using.
func TestKilled(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	s := newSite(t)
	old, young := s.in.Tenant(org.NewCanaryID(time.Now().Add(-16*time.Minute))), s.in.Tenant(org.NewCanaryID(time.Now()))
	s.file(t, "session.json", document(t, old.SessionPolicy()))
	s.sh(t,
		"aws s3control create-access-point --account-id $ACCOUNT --bucket $BUCKET --name "+old.APName(),
		"aws s3control create-access-point --account-id $ACCOUNT --bucket $BUCKET --name "+young.APName(),
		"aws iam create-policy --policy-name "+old.SessionPolicyName()+" --policy-document file://session.json")
	if report, code := s.doctor(t, s.as(t, "backend")); code != 0 || len(report.Findings()) > 0 {
		t.Errorf("exit code %d\n%s", code, described(report))
	}
	if left := s.made(t); strings.Fields(left)[0] != young.APName() || strings.Contains(left, old.ID().String()) {
		t.Errorf("there is %s, want %s", left, young.APName())
	}
}
