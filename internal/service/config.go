package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/session"
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
}

// Controlplane configures the control plane.
type Controlplane struct {
	Listen Listen `yaml:"listen"`
	// CASURL is the CAS's HTTP port, where attestations are stored; empty: none are taken.
	CASURL string `yaml:"casUrl"`
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

const (
	// DefaultReconcileInterval is the time between two looks at every organization.
	DefaultReconcileInterval = 5 * time.Minute
	// DefaultSessionReuse is how long a session serves further requests.
	DefaultSessionReuse = 15 * time.Minute
	// DefaultMaxArtifactBytes is the largest artifact: what S3 takes in one request.
	DefaultMaxArtifactBytes = 5 << 30

	// DefaultUploadExpiry is how long a resumable upload waits for its client.
	DefaultUploadExpiry = 24 * time.Hour
	// MinUploadExpiry and MaxUploadExpiry bound it: a client that was cut off must have a
	// chance, and the bucket's lifecycle rule takes parts after days.
	MinUploadExpiry = time.Minute
	MaxUploadExpiry = 7 * 24 * time.Hour
	// DefaultAccessPointQuota is what AWS grants unless asked for more (facts AWS §1.3).
	DefaultAccessPointQuota = 10_000
	// DefaultQuotaReserve covers what several processes create between two looks.
	DefaultQuotaReserve = 10

	maxAccessPointQuota = 1_000_000
	maxQuotaReserve     = 1000

	// MinReconcileInterval keeps reconcilers from asking AWS without a pause.
	MinReconcileInterval = time.Second

	// DefaultProbeInterval is the time between two probes of an organization: some 20
	// calls of S3, a third of them priced as writes.
	DefaultProbeInterval = time.Hour
	// MinProbeInterval and MaxProbeInterval bound it.
	MinProbeInterval = time.Second
	MaxProbeInterval = 7 * 24 * time.Hour

	maxConfigBytes = 1 << 20
)

// ReadConfig reads the configuration in file and fills in the defaults.
func ReadConfig(file string) (Config, error) {
	f, err := os.Open(file)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(text) > maxConfigBytes {
		return Config{}, fmt.Errorf("%s has more than %d bytes: it is not a configuration", file, maxConfigBytes)
	}
	cfg, err := ParseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", file, err)
	}
	return cfg, nil
}

// ParseConfig reads YAML text, refuses what it does not know, and fills in defaults.
func ParseConfig(text []byte) (Config, error) {
	var cfg Config
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, misread(err)
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("there is more than one document in it (---): only the first would count")
	}
	m := &cfg.Backend.ManagedCas
	if m.ReconcileInterval == 0 {
		m.ReconcileInterval = DefaultReconcileInterval
	}
	if m.ReconcileInterval < MinReconcileInterval {
		return Config{}, fmt.Errorf("backend.managedCas.reconcileInterval is %s: at least %s", m.ReconcileInterval, MinReconcileInterval)
	}
	byDefault(&m.ProbeInterval, DefaultProbeInterval)
	if p := m.ProbeInterval; p < MinProbeInterval || p > MaxProbeInterval {
		return Config{}, fmt.Errorf("backend.managedCas.probeInterval is %s: %s to %s", p, MinProbeInterval, MaxProbeInterval)
	}
	if err := m.completeCycles(); err != nil {
		return Config{}, fmt.Errorf("backend.managedCas.%w", err)
	}
	if err := m.completeDeletion(); err != nil {
		return Config{}, fmt.Errorf("backend.managedCas.%w", err)
	}
	if err := m.Quotas.complete(); err != nil {
		return Config{}, fmt.Errorf("backend.managedCas.quotas.%w", err)
	}
	if cfg.CAS.SessionReuse == nil {
		reuse := DefaultSessionReuse
		cfg.CAS.SessionReuse = &reuse
	}
	if r := *cfg.CAS.SessionReuse; r < 0 || r > session.MaxReuse {
		return Config{}, fmt.Errorf("cas.sessionReuse is %s: 0s to %s", r, session.MaxReuse)
	}
	if err := checkURL(cfg.CAS.ControlplaneURL); err != nil {
		return Config{}, fmt.Errorf("cas.controlplaneUrl is %q: %w", cfg.CAS.ControlplaneURL, err)
	}
	for key, text := range map[string]string{"casUrl": cfg.Controlplane.CASURL, "publicCasUrl": cfg.Controlplane.PublicCASURL} {
		if checkURL(text) != nil {
			return Config{}, fmt.Errorf("controlplane.%s is %q: give the http or https URL of the CAS's HTTP port, such as http://127.0.0.1:8001", key, text)
		}
	}
	if cfg.CAS.DirectTransfers == "" {
		cfg.CAS.DirectTransfers = direct.Off
	}
	if cfg.CAS.MaxArtifactBytes == 0 {
		cfg.CAS.MaxArtifactBytes = DefaultMaxArtifactBytes
	}
	if cfg.CAS.MaxArtifactBytes < 0 {
		return Config{}, fmt.Errorf("cas.maxArtifactBytes is %d: at least 1", cfg.CAS.MaxArtifactBytes)
	}
	if cfg.CAS.UploadExpiry == 0 {
		cfg.CAS.UploadExpiry = DefaultUploadExpiry
	}
	if e := cfg.CAS.UploadExpiry; e < MinUploadExpiry || e > MaxUploadExpiry {
		return Config{}, fmt.Errorf("cas.uploadExpiry is %s: %s to %s", e, MinUploadExpiry, MaxUploadExpiry)
	}
	cfg.SecretStore.fill()
	if err := cfg.SecretStore.check(); err != nil {
		return Config{}, err
	}
	m.secrets = cfg.SecretStore.secretsManager()
	var err error
	if m.ownBucketRoles, err = cfg.CAS.OwnBuckets.roles(); err != nil {
		return Config{}, fmt.Errorf("cas.ownBuckets.%w", err)
	}
	cfg.CAS.Limits = cfg.CAS.Limits.WithDefaults()
	if err := cfg.CAS.Limits.check(); err != nil {
		return Config{}, fmt.Errorf("cas.limits.%w", err)
	}
	if err := cfg.Audit.check(); err != nil {
		return Config{}, fmt.Errorf("audit.%w", err)
	}
	byDefault(&cfg.Controlplane.KeyRotation, auth.DefaultRotation)
	if r := cfg.Controlplane.KeyRotation; r < auth.MinRotation || r > auth.MaxRotation {
		return Config{}, fmt.Errorf("controlplane.keyRotation is %s: %s to %s", r, auth.MinRotation, auth.MaxRotation)
	}
	if cfg.Controlplane.DrainDelay == nil {
		cfg.Controlplane.DrainDelay = new(DefaultDrainDelay)
	}
	if d := *cfg.Controlplane.DrainDelay; d < 0 || d > time.Hour {
		return Config{}, fmt.Errorf("controlplane.drainDelay is %s: 0s to 1h0m0s", d)
	}
	if err := cfg.Controlplane.completeIdentity(); err != nil {
		return Config{}, fmt.Errorf("controlplane.%w", err)
	}
	if err := cfg.Controlplane.Limits.complete(); err != nil {
		return Config{}, fmt.Errorf("controlplane.limits.%w", err)
	}
	for key, transport := range map[string]Transport{"backend": cfg.Backend.Transport, "controlplane": cfg.Controlplane.Transport, "cas": cfg.CAS.Transport} {
		if err := transport.check(); err != nil {
			return Config{}, fmt.Errorf("%s.%w", key, err)
		}
	}
	if f := cfg.Log.Format; f != "" && f != "json" && f != "text" {
		return Config{}, fmt.Errorf("log.format is %q: json or text", f)
	}
	return cfg, nil
}

// checkURL refuses what nothing can be fetched from; leaving it out is no concern of it.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return nil
	}
	return errors.New("give the http or https URL of the control plane's HTTP port, such as http://127.0.0.1:8000")
}

// complete fills in defaults. Its error begins with the key.
func (q *Quotas) complete() error {
	byDefault(&q.AccessPoints, DefaultAccessPointQuota)
	if q.Reserve == nil {
		q.Reserve = new(DefaultQuotaReserve)
	}
	switch {
	case q.AccessPoints < 1 || q.AccessPoints > maxAccessPointQuota:
		return fmt.Errorf("accessPoints is %d: 1 to %d", q.AccessPoints, maxAccessPointQuota)
	case *q.Reserve < 0 || *q.Reserve > maxQuotaReserve:
		return fmt.Errorf("reserve is %d: 0 to %d", *q.Reserve, maxQuotaReserve)
	}
	return nil
}

// Installation returns the installation that backend.managedCas describes, checked.
func (m ManagedCas) Installation() (tenancy.Installation, error) {
	if !m.Enabled {
		return tenancy.Installation{}, errors.New("backend.managedCas.enabled is false: set it to true")
	}
	in, err := tenancy.New(m.Names())
	if err != nil {
		return in, fmt.Errorf("backend.managedCas: %w", err)
	}
	return in, nil
}

// Names is Installation without the checks: before an installation is provisioned, its
// key may have no ARN yet.
func (m ManagedCas) Names() tenancy.Installation {
	return tenancy.Installation{
		Partition:            orDefault(m.Partition, "aws"),
		AccountID:            m.AccountID,
		Region:               m.Region,
		BucketName:           m.BucketName,
		KMSKeyARN:            m.KMSKeyARN,
		APPrefix:             m.APPrefix,
		BaseRoleName:         m.BaseRoleName,
		SessionPolicyPrefix:  m.SessionPolicyPrefix,
		SessionPolicyMode:    m.SessionPolicyMode,
		BackendRoleName:      m.BackendRoleName,
		ControlplaneRoleName: m.ControlplaneRoleName,
		CASRoleName:          orDefault(m.CASRoleName, m.ControlplaneRoleName),
		OperatorARNs:         m.OperatorARNs,
		PurgeRoleName:        m.purgeRole(),
		Secrets:              m.secrets,
		OwnBucketRoles:       m.ownBucketRoles,
		// Only an embedded AWS is reached without TLS, and only on loopback: the client
		// refuses any other plain http endpoint (docs/decisions/002).
		Loopback: strings.HasPrefix(m.Endpoint, "http://"),
	}
}

func orDefault(value, fallback string) string {
	if strings.TrimSpace(value) == "" {
		return fallback
	}
	return value
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
