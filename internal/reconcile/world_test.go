package reconcile_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// world is a provisioned account on an embedded AWS, and a database. The reconciler
// reaches it over the wire as its workload identity, so that a permission that the
// scheme forgot fails here.
type world struct {
	in       tenancy.Installation
	aws      *emulator.AWS
	endpoint string
	root     *awscloud.Cloud
	access   podidentity.Access // the backend's, from which it has its credentials
	identity awscloud.Credentials
	network  http.RoundTripper
	db       *database.DB
	secrets  reconcile.Secrets
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, databasetest.Target(t, "sqlite"))
}

func newWorldOn(t *testing.T, target string, options ...func(*emulator.Config)) *world {
	t.Helper()
	cfg := emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: "123456789012", Region: "us-east-1"}
	for _, option := range options {
		option(&cfg)
	}
	aws, err := emulator.Open(cfg)
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
	network, err := awscloud.NewTransport(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.CloseIdleConnections)
	w := &world{aws: aws, endpoint: server.URL, network: network}
	w.settle(t, target)
	return w
}

// settle provisions the account and opens the database.
func (w *world) settle(t *testing.T, target string) {
	t.Helper()
	key := w.aws.RootCredentials()
	w.root = w.cloud(t, awscloud.StaticCredentials(key.AccessKeyID, key.SecretAccessKey), w.network)

	w.provision(t)
	access, err := w.aws.PodIdentity().Associate(podidentity.Association{
		Cluster: "c", Namespace: "n", ServiceAccount: "backend", RoleARN: w.in.BackendRoleARN(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.access = access
	w.identity = awscloud.ContainerCredentials(w.endpoint+access.Path, access.AuthorizationToken)
	if w.db, err = database.Open(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.secrets = secretstore.NewDatabase(w.db)
}

// provision does what an operator does once.
func (w *world) provision(t *testing.T) {
	t.Helper()
	w.provisionAs(t, names(""))
}

func (w *world) provisionAs(t *testing.T, in tenancy.Installation) {
	t.Helper()
	p, err := provision.New(provision.Config{Installation: in, Roles: w.root, Keys: w.root, Buckets: w.root, Settings: w.root})
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

// reconciler is one process's: what it remembers of earlier ones is in the database.
func (w *world) reconciler(t *testing.T, network http.RoundTripper, options ...func(*reconcile.Config)) *reconcile.Reconciler {
	t.Helper()
	cfg := w.config(t, w.cloud(t, w.identity, network))
	for _, option := range options {
		option(&cfg)
	}
	return reconcile.New(cfg)
}

func (w *world) config(t *testing.T, c *awscloud.Cloud) reconcile.Config {
	return reconcile.Config{
		Installation: w.in, AccessPoints: c, Policies: c, Roles: c, Listings: c, Memory: w.db,
		Organizations: w.db, Secrets: w.secrets, Interval: time.Hour,
		Jobs: jobs.NewWorkers(w.db.Queue(), w.db, slog.New(slog.DiscardHandler)),
		Log:  slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// recreateBaseRole deletes the base role and provisions it again, as an operator with
// a console and a script might.
func (w *world) recreateBaseRole(t *testing.T) {
	t.Helper()
	key := w.aws.RootCredentials()
	admin := awsiam.New(awsiam.Options{
		Region: "us-east-1", BaseEndpoint: &w.endpoint,
		Credentials: awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	role := &w.in.BaseRoleName
	names, err := admin.ListRolePolicies(t.Context(), &awsiam.ListRolePoliciesInput{RoleName: role})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names.PolicyNames {
		if _, err := admin.DeleteRolePolicy(t.Context(), &awsiam.DeleteRolePolicyInput{RoleName: role, PolicyName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.DeleteRole(t.Context(), &awsiam.DeleteRoleInput{RoleName: role}); err != nil {
		t.Fatal(err)
	}
	w.provision(t)
}

// organization stores a new one, pending.
func (w *world) organization(t *testing.T) org.Organization {
	t.Helper()
	id, now := org.NewID(), time.Now()
	o := org.Organization{ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: now, UpdatedAt: now}
	if err := w.db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// settled checks that the organization is in the state, and that nothing is left to
// be done for it.
func (w *world) settled(t *testing.T, id org.ID, want org.State) {
	t.Helper()
	o, err := w.db.OrganizationByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if o.State != want {
		t.Errorf("organization is %s (%s), want %s", o.State, o.Reason, want)
	}
	plan, err := w.reconciler(t, w.network).Plan(t.Context(), o)
	if err != nil || len(plan) != 0 {
		t.Errorf("left to do: %v, %v", plan, err)
	}
}

// interrupter is a network that breaks for good at its nth request: before the
// request leaves, or after its effect with the answer lost.
type interrupter struct {
	network http.RoundTripper
	kill    func() // ends the process's context with its network
	at      int64  // from 1
	after   bool
	seen    atomic.Int64
}

var errInterrupted = errors.New("the process was killed")

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
	return nil, errInterrupted
}

func (i *interrupter) reached() bool { return i.seen.Load() >= i.at }

// httpClient is what SDK clients want of a network.
type httpClient struct{ network http.RoundTripper }

func (c httpClient) Do(r *http.Request) (*http.Response, error) { return c.network.RoundTrip(r) }
