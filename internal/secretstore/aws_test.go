package secretstore_test

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// account is an embedded AWS account with an installation that keeps coordinates in
// Secrets Manager, and its workloads.
type account struct {
	in           tenancy.Installation
	aws          *emulator.AWS
	backend, cas *awscloud.Cloud
	controlplane *awscloud.Cloud
	root         *secretsmanager.Client
}

func newAccount(t *testing.T, withKey bool) account {
	t.Helper()
	a := account{}
	var err error
	a.aws, err = emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.aws)
	t.Cleanup(func() {
		server.Close()
		if err := a.aws.Close(); err != nil {
			t.Error(err)
		}
	})
	connect := func(as awscloud.Credentials) *awscloud.Cloud {
		c, err := awscloud.New(t.Context(), awscloud.Config{Region: "us-east-1", AccountID: "123456789012", Endpoint: server.URL, Credentials: as})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	key := a.aws.RootCredentials()
	operator := connect(awscloud.StaticCredentials(key.AccessKeyID, key.SecretAccessKey))

	plan := names()
	plan.KMSKeyARN = ""
	plan.Secrets.Prefix = "managedcas/"
	if withKey {
		made, err := operator.CreateKey(t.Context(), "coordinates")
		if err != nil {
			t.Fatal(err)
		}
		plan.Secrets.KMSKeyARN = made.ARN
	}
	p, err := provision.New(provision.Config{Installation: plan, Roles: operator, Keys: operator, Buckets: operator, Settings: operator})
	if err != nil {
		t.Fatal(err)
	}
	steps, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a.in, err = p.Apply(t.Context(), steps); err != nil {
		t.Fatal(err)
	}
	workload := func(name, role string) *awscloud.Cloud {
		access, err := a.aws.PodIdentity().Associate(podidentity.Association{Cluster: "c", Namespace: "n", ServiceAccount: name, RoleARN: role})
		if err != nil {
			t.Fatal(err)
		}
		return connect(awscloud.ContainerCredentials(server.URL+access.Path, access.AuthorizationToken))
	}
	a.backend = workload("backend", a.in.BackendRoleARN())
	a.cas = workload("cas", a.in.CASRoleARN())
	a.controlplane = workload("controlplane", a.in.ControlplaneRoleARN())
	a.root = secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
	})
	return a
}

func (a account) store(t *testing.T, as *awscloud.Cloud) *secretstore.Store {
	t.Helper()
	store, err := secretstore.NewSecretsManager(as, a.in)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (a account) faults(t *testing.T, rules ...faults.Rule) {
	t.Helper()
	if err := a.aws.Faults().Replace(faults.Plan{Rules: rules}); err != nil {
		t.Fatal(err)
	}
}

func onSecretsManager(t *testing.T) driver        { return onAccount(t, newAccount(t, false)) }
func onSecretsManagerWithKey(t *testing.T) driver { return onAccount(t, newAccount(t, true)) }

func onAccount(t *testing.T, a account) driver {
	t.Helper()
	name := func(id org.ID) *string { return aws.String("managedcas/" + id.String()) }
	return driver{
		in: a.in, backend: a.store(t, a.backend), cas: a.store(t, a.cas),
		organization: func(*testing.T) org.ID { return org.NewID() },
		plant: func(t *testing.T, id org.ID, document string) {
			t.Helper()
			if document == "" {
				document = " " // AWS keeps nothing shorter
			}
			_, err := a.root.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: name(id), SecretString: &document})
			if err != nil {
				_, err = a.root.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: name(id), SecretString: &document})
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		document: func(t *testing.T, id org.ID) string {
			out, err := a.root.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: name(id)})
			if err != nil {
				return ""
			}
			return aws.ToString(out.SecretString)
		},
		down: func(t *testing.T) { a.faults(t, faults.Rule{Service: "secretsmanager", Kind: faults.Failure}) },
		silent: func(t *testing.T) {
			a.faults(t, faults.Rule{Service: "secretsmanager", Kind: faults.Latency, DelayMS: 60_000})
		},
		up: func(t *testing.T) { a.faults(t) },
	}
}

// A secret that somebody scheduled for deletion blocks its name for up to 30 days. For
// readers it is gone; the reconciler takes it back.
func TestSecretThatWaitsForDeletion(t *testing.T) {
	t.Parallel()
	a := newAccount(t, false)
	store, id := a.store(t, a.backend), org.NewID()
	own := a.in.Tenant(id).Coordinates()
	if err := store.PutCoordinates(t.Context(), id, own); err != nil {
		t.Fatal(err)
	}
	schedule := func() {
		if _, err := a.root.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
			SecretId: aws.String(a.in.Tenant(id).SecretName()), RecoveryWindowInDays: aws.Int64(7),
		}); err != nil {
			t.Fatal(err)
		}
	}
	schedule()
	if _, err := store.Coordinates(t.Context(), id); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("scheduled: %v, want ErrNotFound", err)
	}
	if err := store.PutCoordinates(t.Context(), id, own); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Coordinates(t.Context(), id); err != nil || got != own {
		t.Errorf("taken back: %v, %v", got, err)
	}
	schedule()
	if err := store.DeleteCoordinates(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	// Nothing waits any more: the name is free.
	if _, err := a.root.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: aws.String(a.in.Tenant(id).SecretName())}); err == nil {
		t.Error("the secret was still there to be restored")
	}
}

// What the secret is kept with: the installation's key, its organization as a tag.
func TestSecretIsKeptUnderTheInstallationsKey(t *testing.T) {
	t.Parallel()
	a := newAccount(t, true)
	id := org.NewID()
	if err := a.store(t, a.backend).PutCoordinates(t.Context(), id, a.in.Tenant(id).Coordinates()); err != nil {
		t.Fatal(err)
	}
	out, err := a.root.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("managedcas/" + id.String())})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.KmsKeyId) != a.in.Secrets.KMSKeyARN || len(out.Tags) != 1 ||
		aws.ToString(out.Tags[0].Key) != tenancy.SessionTag || aws.ToString(out.Tags[0].Value) != id.String() {
		t.Errorf("key %s, tags %v", aws.ToString(out.KmsKeyId), out.Tags)
	}
}

// cas reads and does not write; the control plane does neither; nobody reaches another
// secret of the account.
func TestWorkloadsReachNoMoreSecretsThanTheyNeed(t *testing.T) {
	t.Parallel()
	a := newAccount(t, true)
	id := org.NewID()
	own := a.in.Tenant(id).Coordinates()
	if err := a.store(t, a.backend).PutCoordinates(t.Context(), id, own); err != nil {
		t.Fatal(err)
	}
	if got, err := a.store(t, a.cas).Coordinates(t.Context(), id); err != nil || got != own {
		t.Errorf("cas reads %v, %v", got, err)
	}
	foreign, err := a.root.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("payroll"), SecretString: aws.String("x")})
	if err != nil {
		t.Fatal(err)
	}
	_, controlplane := a.store(t, a.controlplane).Coordinates(t.Context(), id)
	_, elsewhere := a.backend.SecretValue(t.Context(), *foreign.ARN)
	for what, err := range map[string]error{
		"cas writes":                             a.store(t, a.cas).PutCoordinates(t.Context(), id, own),
		"cas deletes":                            a.store(t, a.cas).DeleteCoordinates(t.Context(), id),
		"controlplane reads":                     controlplane,
		"backend reads somebody else's secret":   elsewhere,
		"backend deletes somebody else's secret": a.backend.DeleteSecret(t.Context(), *foreign.ARN),
	} {
		if !errors.Is(err, cloud.ErrDenied) {
			t.Errorf("%s: %v, want ErrDenied", what, err)
		}
	}
}

// A tenant's session reaches no secret: neither its own organization's nor another's.
func TestSessionsReachNoSecret(t *testing.T) {
	t.Parallel()
	a := newAccount(t, false)
	tenant := a.in.Tenant(org.NewID())
	if _, err := a.backend.CreatePolicy(t.Context(), tenant.SessionPolicyName(), "", tenant.SessionPolicy()); err != nil {
		t.Fatal(err)
	}
	store := a.store(t, a.backend)
	own, other := tenant.ID(), org.NewID()
	for _, id := range []org.ID{own, other} {
		if err := store.PutCoordinates(t.Context(), id, a.in.Tenant(id).Coordinates()); err != nil {
			t.Fatal(err)
		}
	}
	minted, err := a.cas.AssumeRole(t.Context(), session.Request{
		RoleARN: a.in.BaseRoleARN(), SessionName: tenant.SessionName(), Policy: tenant.PassedPolicy(),
		Tags: tenant.SessionTags(), Lifetime: session.Lifetime,
	})
	if err != nil {
		t.Fatal(err)
	}
	as := secretsmanager.New(a.root.Options(), func(o *secretsmanager.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(minted.AccessKeyID, minted.SecretAccessKey, minted.SessionToken)
	})
	for _, id := range []org.ID{own, other} {
		_, err := as.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("managedcas/" + id.String())})
		refused, ok := errors.AsType[smithy.APIError](err)
		if !ok || refused.ErrorCode() != "AccessDeniedException" {
			t.Errorf("own: %t: %v, want AccessDeniedException", id == own, err)
		}
	}
}
