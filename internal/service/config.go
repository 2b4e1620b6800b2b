package service

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Config is the configuration file of every server role: YAML, unknown keys are
// errors. Its keys are those of the Helm chart's values; a role reads the parts that
// it needs.
type Config struct {
	Backend      Backend      `yaml:"backend"`
	Controlplane Controlplane `yaml:"controlplane"`
	CAS          CAS          `yaml:"cas"`
	Database     Database     `yaml:"database"`
	SecretStore  SecretStore  `yaml:"secretStore"`
	Audit        Audit        `yaml:"audit"`
	Log          Log          `yaml:"log"`
}

// Backend holds what the operator's guide puts under backend.
type Backend struct {
	ManagedCas ManagedCas `yaml:"managedCas"`
	Listen     Listen     `yaml:"listen"` // http alone: health and metrics
	Transport  `yaml:",inline"`
}

// ManagedCas describes the installation. All AWS objects of organizations are derived
// from it: changing a name here after the first organization abandons what exists.
type ManagedCas struct {
	Enabled             bool          `yaml:"enabled"`
	Partition           string        `yaml:"partition"` // default aws
	Region              string        `yaml:"region"`
	AccountID           string        `yaml:"accountId"`
	BucketName          string        `yaml:"bucketName"`
	KMSKeyARN           string        `yaml:"kmsKeyArn"`
	APPrefix            string        `yaml:"apPrefix"`
	BaseRoleName        string        `yaml:"baseRoleName"`
	SessionPolicyPrefix string        `yaml:"sessionPolicyPrefix"`
	ReconcileInterval   time.Duration `yaml:"reconcileInterval"` // default 5m; at least 1s
	ProbeInterval       time.Duration `yaml:"probeInterval"`     // default 1h; 1s to 168h
	// SessionPolicyMode: managed (default), inline or abac (docs/session-policy-modes.md).
	SessionPolicyMode tenancy.SessionPolicyMode `yaml:"sessionPolicyMode"`

	// The workload roles, whose ARNs the policies name. casRoleName defaults to
	// controlplaneRoleName: the guide's two identities.
	BackendRoleName      string `yaml:"backendRoleName"`
	ControlplaneRoleName string `yaml:"controlplaneRoleName"`
	CASRoleName          string `yaml:"casRoleName"`
	// OperatorARNs may list the bucket, never read an object.
	OperatorARNs []string `yaml:"operatorArns"`
	// DeepInterval is the longest until everything of an organization is read again, what
	// no listing shows as well; default 48h, 1s to 720h. GarbageCollection deletes what
	// belongs to no organization (docs/reconciler.md).
	DeepInterval      time.Duration `yaml:"deepInterval"`
	GarbageCollection Garbage       `yaml:"garbageCollection"`
	// APIRates is how often this process may call AWS's control plane, by "service" or
	// "service.Operation", as in iam.CreatePolicy. What is left out has its default.
	APIRates map[string]cloud.Rate `yaml:"apiRates"`
	// Quotas of the account, as far as AWS does not tell them.
	Quotas Quotas `yaml:"quotas"`
	// Retention is how long the objects of a deleted organization are kept, and it can be
	// brought back; default 720h. 0s must be written out: nothing is kept.
	Retention *time.Duration `yaml:"retention"`
	// Purge says who deletes the objects then.
	Purge Purge `yaml:"purge"`
	// Endpoint is the URL of an embedded AWS on loopback; empty: the real one.
	Endpoint string `yaml:"endpoint"`

	// Of secretStore and of cas.ownBuckets: the workload policies depend on them.
	secrets        tenancy.SecretsManager
	ownBucketRoles []string
}

// Quotas say when new organizations are held back.
type Quotas struct {
	// AccessPoints is the account's quota in the Region; default 10,000.
	AccessPoints int `yaml:"accessPoints"`
	// Reserve is how many policies and access points are left to others in the account;
	// default 10.
	Reserve *int `yaml:"reserve"`
}

// Listen is where a role listens, as host:port.
type Listen struct {
	GRPC string `yaml:"grpc"`
	HTTP string `yaml:"http"`
	// Metrics is where /metrics is then, and nowhere else; empty: at HTTP.
	Metrics string `yaml:"metrics"`
}

// Controlplane configures the control plane.
type Controlplane struct {
	Listen Listen `yaml:"listen"`
	// CASURL is the CAS's HTTP port, where attestations are stored; empty: none are taken.
	// CASCA is a PEM file with the certificate authority of an https one; empty: the system's.
	CASURL string `yaml:"casUrl"`
	CASCA  string `yaml:"casCa"`
	// PublicCASURL is the same as clients reach it; empty: they are told of no URLs.
	PublicCASURL string `yaml:"publicCasUrl"`
	Transport    `yaml:",inline"`
	// KeyRotation is how old a signing key becomes until its successor is announced; default
	// 720h, 24h to 87600h.
	KeyRotation time.Duration `yaml:"keyRotation"`
	// DrainDelay is how long calls are still taken after SIGTERM, while load balancers learn
	// from /readyz and gRPC health; default 3s, 0s to 1h.
	DrainDelay *time.Duration `yaml:"drainDelay"`
	// Limits say how often callers may call.
	Limits CallLimits `yaml:"limits"`
	// OrganizationCreation says who makes organizations: administrators (default), of the
	// installation, or everyone who has signed in.
	OrganizationCreation string `yaml:"organizationCreation"`
	// PublicURL is how browsers reach the HTTP port: scheme, host and port. OIDC says how
	// people sign in, and Federation which CI providers are believed (docs/identity.md).
	PublicURL  string     `yaml:"publicUrl"`
	OIDC       OIDC       `yaml:"oidc"`
	Federation Federation `yaml:"federation"`
}

// CAS configures the data path.
type CAS struct {
	Listen    Listen `yaml:"listen"`
	Transport `yaml:",inline"`
	// ControlplaneURL is where the keys of CAS tokens are published. ControlplaneCA is a PEM
	// file with the certificate authority of an https one; empty: the system's.
	ControlplaneURL string `yaml:"controlplaneUrl"`
	ControlplaneCA  string `yaml:"controlplaneCa"`
	// SessionReuse is how long an organization's session serves further requests;
	// default 15m, 0s mints one for each request.
	SessionReuse *time.Duration `yaml:"sessionReuse"`
	// SinglePutMax is the largest artifact stored with one request, in bytes.
	SinglePutMax int64 `yaml:"singlePutMax"`
	// PartSize is the size of the first parts of a larger one, and of one whose length
	// nobody says, in bytes; UploadMemory is what all uploads in parts hold together.
	PartSize     int64 `yaml:"partSize"`
	UploadMemory int64 `yaml:"uploadMemory"`
	// MaxArtifactBytes is the largest artifact of any organization; default 5 GiB.
	MaxArtifactBytes int64 `yaml:"maxArtifactBytes"`
	// DirectTransfers: off (default), allowed or recommended. Their URLs show the access
	// point and the account to clients (docs/direct-transfers.md).
	DirectTransfers direct.Mode `yaml:"directTransfers"`
	// UploadExpiry is how long a resumable upload waits for its client; default 24h.
	UploadExpiry time.Duration `yaml:"uploadExpiry"`
	// OwnBuckets says whether organizations may bring buckets of their own.
	OwnBuckets OwnBuckets `yaml:"ownBuckets"`
	// Limits say how much may be transferred at once, and how slowly.
	Limits Limits `yaml:"limits"`
}

// OwnBuckets configures the buckets that organizations bring (docs/own-buckets.md).
type OwnBuckets struct {
	Enabled bool `yaml:"enabled"` // default false
	// RoleARNs are patterns of the roles of customers that the workloads may assume, such as
	// arn:aws:iam::*:role/managedcas/*; a * for the account does not mean this one.
	RoleARNs []string `yaml:"roleArns"`
}

// roles returns what is allowed. Its error begins with the key.
func (o OwnBuckets) roles() ([]string, error) {
	switch {
	case !o.Enabled:
		return nil, nil
	case len(o.RoleARNs) == 0:
		return nil, errors.New("roleArns is empty: say which roles of customers may be assumed, such as arn:aws:iam::*:role/managedcas/*")
	}
	return o.RoleARNs, nil
}

// Log configures the log.
type Log struct {
	Level  slog.Level `yaml:"level"`  // DEBUG, INFO (default), WARN, ERROR
	Format string     `yaml:"format"` // json (default) or text
}

// readable says how long something took with its unit, in JSON as in text: slog's JSON has
// nanoseconds without one.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Logger returns the log that cfg asks for, on standard error.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level, ReplaceAttr: readable}
	if l.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
