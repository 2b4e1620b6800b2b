package purge_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

// world is an account that purges, on an embedded AWS. The purger reaches it over the
// wire as the backend does.
type world struct {
	in       tenancy.Installation
	aws      *emulator.AWS
	endpoint string
	network  *http.Transport
	root     *awscloud.Cloud
	backend  awscloud.Credentials
	cas      *awscloud.Cloud
	db       *database.DB
}

func newWorld(t *testing.T) *world {
	t.Helper()
	aws, err := emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: "123456789012", Region: "us-east-1"})
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
	w := &world{aws: aws, endpoint: server.URL}
	if w.network, err = awscloud.NewTransport(server.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.network.CloseIdleConnections)
	key := aws.RootCredentials()
	w.root = w.cloud(t, awscloud.StaticCredentials(key.AccessKeyID, key.SecretAccessKey), w.network)
	p, err := provision.New(provision.Config{Installation: tenancy.Installation{
		AccountID: "123456789012", Region: "us-east-1", BucketName: "artifacts",
		APPrefix: "cas-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", PurgeRoleName: "tenant-purge",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", Loopback: true,
		OperatorARNs: []string{"arn:aws:iam::123456789012:root"},
	}, Roles: w.root, Keys: w.root, Buckets: w.root, Settings: w.root})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.in, err = p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	w.backend = w.workload(t, "backend", w.in.BackendRoleARN())
	w.cas = w.cloud(t, w.workload(t, "cas", w.in.CASRoleARN()), w.network)
	if w.db, err = database.Open(t.Context(), databasetest.Fresh(t, database.Migrate)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) workload(t *testing.T, name, role string) awscloud.Credentials {
	t.Helper()
	access, err := w.aws.PodIdentity().Associate(podidentity.Association{Cluster: "c", Namespace: "n", ServiceAccount: name, RoleARN: role})
	if err != nil {
		t.Fatal(err)
	}
	return awscloud.ContainerCredentials(w.endpoint+access.Path, access.AuthorizationToken)
}

func (w *world) cloud(t *testing.T, credentials awscloud.Credentials, network http.RoundTripper) *awscloud.Cloud {
	t.Helper()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: "us-east-1", AccountID: "123456789012", Endpoint: w.endpoint, Credentials: credentials, Transport: network,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// purger is one process's.
func (w *world) purger(t *testing.T, network http.RoundTripper) *purge.Purger {
	t.Helper()
	backend := w.cloud(t, w.backend, network)
	return purge.New(purge.Config{
		Installation: w.in, Records: w.db, AccessPoints: backend, Storage: backend, Batches: rate.Inf,
	})
}

func (w *world) reconcile(t *testing.T, id org.ID) {
	t.Helper()
	backend := w.cloud(t, w.backend, w.network)
	err := reconcile.New(reconcile.Config{
		Installation: w.in, AccessPoints: backend, Policies: backend, Roles: backend,
		Organizations: w.db, Secrets: secretstore.NewDatabase(w.db), Retention: new(time.Duration),
	}).Reconcile(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
}

// organization is a ready one with n artifacts; every organization has the same.
func (w *world) organization(t *testing.T, n int) org.Organization {
	t.Helper()
	id, now := org.NewID(), time.Now()
	o := org.Organization{ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: now, UpdatedAt: now}
	if err := w.db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t, id)
	objects := w.session(t, id)
	for i := range n {
		content := fmt.Appendf(nil, "artifact %d", i)
		d := digest.Of(content)
		if err := objects.Put(t.Context(), w.in.Tenant(id).ObjectKey(d), d, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (w *world) session(t *testing.T, id org.ID) *awscloud.Objects {
	t.Helper()
	sessions, err := session.New(session.Config{Installation: w.in, STS: w.cas, Secrets: secretstore.NewDatabase(w.db)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sessions.For(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return w.cas.Objects(s)
}

// deleted deletes an organization, with no retention.
func (w *world) deleted(t *testing.T, id org.ID) {
	t.Helper()
	if _, err := w.db.SetOrganizationState(t.Context(), id, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	w.reconcile(t, id)
}

// interrupter is a network that breaks for good at its nth request: before the request
// leaves, or after its effect with the answer lost.
type interrupter struct {
	network http.RoundTripper
	kill    func()
	at      int64 // from 1
	after   bool
	seen    atomic.Int64
}

func (i *interrupter) RoundTrip(r *http.Request) (*http.Response, error) {
	n := i.seen.Add(1)
	if n < i.at {
		return i.network.RoundTrip(r)
	}
	if n == i.at && i.after {
		if response, err := i.network.RoundTrip(r); err == nil {
			_ = response.Body.Close()
		}
	}
	i.kill()
	return nil, errors.New("the process was killed")
}

func (i *interrupter) reached() bool { return i.seen.Load() >= i.at }
