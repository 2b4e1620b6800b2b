// Package rig is the data path as it is deployed, in one test: an embedded AWS that
// enforces its policies, a provisioned installation, a database, organizations made by
// the reconciler, and the CAS with its own workload identity in front. Only tests
// import it.
package rig

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	account = "123456789012"
	region  = "us-east-1"
)

// Options of a Rig. The zero value is what a deployment has by default.
type Options struct {
	// Wire stands between the CAS and AWS, where the network is.
	Wire         func(http.RoundTripper) http.RoundTripper
	PartSize     int64
	SinglePutMax int64
	ResumableMin int64
	OpenUploads  int
	Now          func() time.Time // of the store; nil: time.Now
	MaxBytes     int64            // of one artifact; 0: 5 GiB
	Idle         time.Duration    // of a transfer; 0: the default
	Reuse        time.Duration    // of a session
	Log          io.Writer        // of the CAS; nil: the test's
	Stall        awscloud.Stall   // of S3
	Limits       service.Limits
	Tracing      trace.TracerProvider // of the CAS; nil: off
	// Audit configures the writer of audit records.
	Audit auditlog.Config
	// Catalogue: what the servers store has entries.
	Catalogue bool
	Direct    direct.Mode // empty: recommended
	Mode      tenancy.SessionPolicyMode
	Recorder  direct.Recorder // nil: none
	// OwnBuckets: the workloads have no session tags, beside which the session policies of
	// own buckets have no room.
	OwnBuckets bool
}

// Rig is one installation with its CAS.
type Rig struct {
	AWS          *emulator.AWS
	Installation tenancy.Installation
	DB           *database.DB
	Keys         *auth.KeyRing // of CAS tokens
	Store        *cas.Store
	Places       *admission.Admission
	Gate         *casgate.Gate
	Metrics      *casgate.Metrics
	Audit        *auditlog.Log
	Catalogue    *catalogue.Catalogue // nil unless it was asked for
	Direct       *direct.Transfers

	options    Options
	dir        string // of the embedded AWS
	endpoint   string
	database   string          // its target
	network    *http.Transport // of everybody but the servers' clients
	accepted   atomic.Int64    // connections of the embedded AWS
	reads      Reads
	managed    sync.Map          // the id of each organization's managed storage backend
	sessions   *session.Sessions // of the CAS
	operator   *awscloud.Cloud
	backend    *awscloud.Cloud
	workload   awscloud.Credentials // of the CAS
	reconciler *reconcile.Reconciler
	log        *slog.Logger
}

// New stands an installation up, in the order in which managedcasd dev does.
func New(t testing.TB, options Options) *Rig {
	t.Helper()
	if options.MaxBytes == 0 {
		options.MaxBytes = 5 << 30
	}
	if options.Log == nil {
		options.Log = t.Output()
	}
	r := &Rig{options: options, log: slog.New(slog.NewTextHandler(options.Log, nil))}
	dir := t.TempDir()
	r.dir = filepath.Join(dir, "aws")
	var err error
	r.AWS, err = emulator.Open(emulator.Config{Dir: r.dir, AccountID: account, Region: region})
	must(t, err)
	server := httptest.NewUnstartedServer(r.AWS)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.accepted.Add(1)
		}
	}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := r.AWS.Close(); err != nil {
			t.Error(err)
		}
	})
	r.endpoint = server.URL
	network, err := awscloud.NewTransport(server.URL)
	must(t, err)
	t.Cleanup(network.CloseIdleConnections)
	r.network = network

	root := r.AWS.RootCredentials()
	r.operator = r.cloud(t, awscloud.StaticCredentials(root.AccessKeyID, root.SecretAccessKey), network)
	r.Installation = r.provision(t, options.Mode)
	r.database = databasetest.Fresh(t, database.Migrate)
	r.DB, err = database.Open(t.Context(), r.database)
	must(t, err)
	t.Cleanup(func() {
		if err := r.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Keys, err = auth.OpenKeyRing(t.Context(), r.DB, registry.KeyUseCAS)
	must(t, err)
	r.Metrics = casgate.NewMetrics()
	r.Audit = r.StartAudit(t, r.options.Audit)
	r.Gate = r.newGate(t)

	r.backend = r.cloud(t, r.identity(t, "backend", r.Installation.BackendRoleARN(), options.Mode), network)
	r.reconciler = r.newReconciler(r.Installation)
	var wire http.RoundTripper = network
	if options.Wire != nil {
		wire = options.Wire(network)
	}
	r.workload = r.identity(t, "cas", r.Installation.CASRoleARN(), options.Mode)
	r.Store, r.sessions = r.newStore(t, r.cloud(t, r.workload, wire), r.Installation)
	if options.Catalogue {
		r.Catalogue = r.StartCatalogue(t, catalogue.Config{Wait: time.Minute}) // what is stored can be listed, however slow the disk is
	}
	r.Direct = r.newDirect(t)
	return r
}

func (r *Rig) newReconciler(in tenancy.Installation) *reconcile.Reconciler {
	return reconcile.New(reconcile.Config{
		Installation: in, AccessPoints: r.backend, Policies: r.backend, Roles: r.backend, Memory: r.DB,
		Organizations: r.DB, Secrets: secretstore.NewDatabase(r.DB), Interval: time.Hour,
		Log: slog.New(slog.DiscardHandler),
	})
}

func (r *Rig) newStore(t testing.TB, workload *awscloud.Cloud, in tenancy.Installation) (*cas.Store, *session.Sessions) {
	t.Helper()
	sessions, err := session.New(session.Config{
		Installation: in, STS: workload, Secrets: countedSecrets{secretstore.NewDatabase(r.DB), &r.reads}, Backends: r.DB, Reuse: r.options.Reuse,
	})
	must(t, err)
	store, err := cas.New(cas.Config{
		Sessions: sessions, Own: sessions.Own(), Open: func(s session.Session) cas.Objects { return workload.Objects(s) },
		PartSize: r.options.PartSize, SinglePutMax: r.options.SinglePutMax,
		Ledger: r.DB, ResumableMin: r.options.ResumableMin, OpenUploads: r.options.OpenUploads, Now: r.options.Now,
	})
	must(t, err)
	return store, sessions
}

// Org creates an organization and has it reconciled: it is ready.
func (r *Rig) Org(t testing.TB) org.ID {
	t.Helper()
	id := org.NewID()
	r.create(t, id, org.Name("o-"+id.Compact()))
	return id
}

// Organization is Org for one whose name matters.
func (r *Rig) Organization(t testing.TB, name string) org.ID {
	t.Helper()
	id := org.NewID()
	r.create(t, id, org.Name(name))
	return id
}

func (r *Rig) create(t testing.TB, id org.ID, name org.Name) {
	t.Helper()
	now := time.Now()
	must(t, r.DB.CreateOrganization(t.Context(), org.Organization{ID: id, Name: name, State: org.Pending, CreatedAt: now, UpdatedAt: now}))
	must(t, r.reconciler.Reconcile(t.Context(), id))
}

// Reconcile looks at an organization once more.
func (r *Rig) Reconcile(t testing.TB, id org.ID) {
	t.Helper()
	must(t, r.reconciler.Reconcile(t.Context(), id))
}

// Break gives the organization's access point the policy that it had if the base role
// were another one: S3 denies whatever its sessions ask for, until Reconcile.
func (r *Rig) Break(t testing.TB, id org.ID) {
	t.Helper()
	tenant := r.Installation.Tenant(id)
	must(t, r.backend.PutAccessPointPolicy(t.Context(), tenant.APName(), tenant.APPolicy("AROAANOTHERROLE")))
}

// Session returns what the CAS may do for an organization, for those who misuse it.
func (r *Rig) Session(t testing.TB, id org.ID) session.Session {
	t.Helper()
	s, err := r.sessions.For(t.Context(), id)
	must(t, err)
	return s
}

// Alias is the other name of an organization's access point.
func (r *Rig) Alias(t testing.TB, id org.ID) string {
	t.Helper()
	ap, err := r.backend.AccessPoint(t.Context(), r.Installation.Tenant(id).APName())
	must(t, err)
	return ap.Alias
}

// Database is the target of the database, for other processes that share it.
func (r *Rig) Database() string { return r.database }

// Endpoint is the URL of the embedded AWS.
func (r *Rig) Endpoint() string { return r.endpoint }

// provision does what an operator does once, and for another mode of session policies.
func (r *Rig) provision(t testing.TB, mode tenancy.SessionPolicyMode) tenancy.Installation {
	t.Helper()
	p, err := provision.New(provision.Config{
		Installation: tenancy.Installation{
			AccountID: account, Region: region, BucketName: "artifacts", APPrefix: "cas-",
			BaseRoleName: "tenant", SessionPolicyPrefix: "cas-", SessionPolicyMode: mode,
			BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
			OperatorARNs: []string{"arn:aws:iam::" + account + ":root"}, Loopback: true,
			OwnBucketRoles: []string{CustomerRoles},
		},
		Roles: r.operator, Keys: r.operator, Buckets: r.operator, Settings: r.operator,
	})
	must(t, err)
	plan, err := p.Plan(t.Context())
	must(t, err)
	in, err := p.Apply(t.Context(), plan)
	must(t, err)
	return in
}

// identity gives a workload its role, as EKS does.
func (r *Rig) identity(t testing.TB, workload, role string, mode tenancy.SessionPolicyMode) awscloud.Credentials {
	t.Helper()
	access := r.pod(t, workload, role, mode)
	return awscloud.ContainerCredentials(r.endpoint+access.Path, access.AuthorizationToken)
}

func (r *Rig) pod(t testing.TB, workload, role string, mode tenancy.SessionPolicyMode) podidentity.Access {
	t.Helper()
	access, err := r.AWS.PodIdentity().Associate(podidentity.Association{
		Cluster: "test", Namespace: "managedcas", ServiceAccount: workload, RoleARN: role,
		// Beside an inline session policy there is no room for them (facts AWS §4.4).
		DisableSessionTags: mode == tenancy.Inline || r.options.OwnBuckets,
	})
	must(t, err)
	return access
}

func (r *Rig) cloud(t testing.TB, credentials awscloud.Credentials, network http.RoundTripper) *awscloud.Cloud {
	t.Helper()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: r.endpoint, Credentials: credentials, Transport: network, Stall: r.options.Stall, Tracing: r.options.Tracing,
	})
	must(t, err)
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
