package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// asProgram makes a test binary be managedcasd: a process has the identity that its
// environment gives it, which tests that run in parallel share.
const asProgram = "BE_MANAGEDCASD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// byHand is an account, a database that no backend works on, and an operator who has the
// backend's identity.
type byHand struct {
	aws    *emulator.AWS
	in     tenancy.Installation
	db     *database.DB
	config string
	env    []string
}

func newByHand(t *testing.T, settings string) byHand {
	t.Helper()
	aws, err := emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: devAccount, Region: devRegion})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(aws)
	t.Cleanup(func() {
		server.Close()
		if err := aws.Close(); err != nil {
			t.Error(err)
		}
	})
	transport, err := awscloud.NewTransport(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	root := aws.RootCredentials()
	operator, err := awscloud.New(t.Context(), awscloud.Config{
		Region: devRegion, AccountID: devAccount, Endpoint: server.URL, Transport: transport,
		Credentials: awscloud.StaticCredentials(root.AccessKeyID, root.SecretAccessKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := byHand{aws: aws}
	if w.in, err = devProvision(t.Context(), operator, false, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	access, err := aws.PodIdentity().Associate(podidentity.Association{Cluster: "c", Namespace: "n", ServiceAccount: "backend", RoleARN: w.in.BackendRoleARN()})
	if err != nil {
		t.Fatal(err)
	}
	w.env = []string{
		asProgram + "=1", "PATH=" + os.Getenv("PATH"), "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + server.URL + access.Path,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + access.AuthorizationToken,
	}
	file := filepath.Join(t.TempDir(), "managedcas.db")
	if w.db, err = database.Open(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.config = filepath.Join(t.TempDir(), "managedcas.yaml")
	text := fmt.Sprintf(`
backend:
  managedCas: {enabled: true, region: %s, accountId: %q, bucketName: %s, kmsKeyArn: %q, apPrefix: %s, baseRoleName: %s,
    sessionPolicyPrefix: %s, backendRoleName: %s, controlplaneRoleName: %s, endpoint: %q, %s}
database: {url: "sqlite:%s"}
`, w.in.Region, w.in.AccountID, w.in.BucketName, w.in.KMSKeyARN, w.in.APPrefix, w.in.BaseRoleName,
		w.in.SessionPolicyPrefix, w.in.BackendRoleName, w.in.ControlplaneRoleName, server.URL, settings, file)
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w byHand) organization(t *testing.T, name org.Name) org.ID {
	t.Helper()
	id, now := org.NewID(), time.Now()
	if err := w.db.CreateOrganization(t.Context(), org.Organization{ID: id, Name: name, State: org.Pending, CreatedAt: now, UpdatedAt: now}); err != nil {
		t.Fatal(err)
	}
	return id
}

// reconcile runs managedcasd reconcile, and returns its exit code and what it said.
func (w byHand) reconcile(t *testing.T, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"reconcile", "--config", w.config}, args...)...)
	cmd.Env = w.env
	said, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(said)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(said)
}

// A deletion that is finished by hand promises what one by the backend does: to keep the
// objects for as long as is configured, a month where nothing is.
func TestReconcileByHandKeepsTheRetention(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]time.Duration{
		"quotas: {reserve: 0}": 30 * 24 * time.Hour,
		"retention: 48h":       48 * time.Hour,
		"retention: 0s":        0,
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			w := newByHand(t, settings)
			id := w.organization(t, "acme")
			if _, err := w.db.SetOrganizationState(t.Context(), id, org.Deleting, ""); err != nil {
				t.Fatal(err)
			}
			if code, said := w.reconcile(t); code != 0 {
				t.Fatalf("exit %d:\n%s", code, said)
			}
			d, err := w.db.Deletion(t.Context(), id)
			if got := d.PurgeAt.Sub(d.DeletedAt); err != nil || got != want {
				t.Errorf("the objects are kept for %s, want %s (%v)", got, want, err)
			}
		})
	}
}

// Exit code 0 says that nothing is left to do. An organization for which the account has
// no room is degraded, and an operator's business: 3.
func TestReconcileByHandTellsWhatIsDegraded(t *testing.T) {
	t.Parallel()
	w := newByHand(t, "quotas: {accessPoints: 1, reserve: 0}")
	w.organization(t, "first")
	if code, said := w.reconcile(t); code != 0 {
		t.Fatalf("exit %d:\n%s", code, said)
	}
	w.organization(t, "second")
	code, said := w.reconcile(t)
	if code != 3 || !strings.Contains(said, "second: the account has no room for another S3 access point") {
		t.Errorf("exit %d, want 3 and why:\n%s", code, said)
	}
}

// One try makes an organization and does not wait until it is proven: that is left, to a
// backend or to another run, and not called done. The proof begins with a failure: what is
// due again in a moment is waited for, and on a slow disk every success would be.
func TestReconcileOnceLeavesTheProof(t *testing.T) {
	t.Parallel()
	w := newByHand(t, "quotas: {reserve: 0}")
	w.organization(t, "acme")
	refuse := faults.Plan{Rules: []faults.Rule{{Service: "s3", Operation: "PutObject", Kind: faults.Failure, Status: 403, Code: "AccessDenied"}}}
	if err := w.aws.Faults().Replace(refuse); err != nil {
		t.Fatal(err)
	}
	code, said := w.reconcile(t, "--once", "-o", "json")
	if code != 3 || !strings.Contains(said, `"done": false`) || !strings.Contains(said, "without --once") {
		t.Errorf("exit %d, want 3 and that it is not done:\n%s", code, said)
	}
	if err := w.aws.Faults().Replace(faults.Plan{}); err != nil {
		t.Fatal(err)
	}
	if code, said = w.reconcile(t, "-o", "json"); code != 0 || !strings.Contains(said, `"done": true`) {
		t.Errorf("exit %d, want 0 and that it is done:\n%s", code, said)
	}
}
