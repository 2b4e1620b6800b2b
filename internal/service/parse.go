package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/session"
)

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
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("reading the configuration: %w: give the path of the installation's YAML; docs/guide.md shows one", err)
	}
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
	if err := cfg.complete(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// complete fills in defaults and refuses what makes no sense. Its errors, and those of the
// parts, begin with the key.
func (c *Config) complete() error {
	m := &c.Backend.ManagedCas
	if err := m.complete(); err != nil {
		return fmt.Errorf("backend.managedCas.%w", err)
	}
	if err := c.CAS.complete(); err != nil {
		return fmt.Errorf("cas.%w", err)
	}
	if err := c.Controlplane.complete(); err != nil {
		return fmt.Errorf("controlplane.%w", err)
	}
	c.SecretStore.fill()
	if err := c.SecretStore.check(); err != nil {
		return err
	}
	m.secrets = c.SecretStore.secretsManager()
	var err error
	if m.ownBucketRoles, err = c.CAS.OwnBuckets.roles(); err != nil {
		return fmt.Errorf("cas.ownBuckets.%w", err)
	}
	if err := c.Audit.check(); err != nil {
		return fmt.Errorf("audit.%w", err)
	}
	for key, transport := range map[string]Transport{"backend": c.Backend.Transport, "controlplane": c.Controlplane.Transport, "cas": c.CAS.Transport} {
		if err := transport.check(); err != nil {
			return fmt.Errorf("%s.%w", key, err)
		}
	}
	if f := c.Log.Format; f != "" && f != "json" && f != "text" {
		return fmt.Errorf("log.format is %q: json or text", f)
	}
	return nil
}

func (m *ManagedCas) complete() error {
	byDefault(&m.ReconcileInterval, DefaultReconcileInterval)
	byDefault(&m.ProbeInterval, DefaultProbeInterval)
	if m.ReconcileInterval < MinReconcileInterval {
		return fmt.Errorf("reconcileInterval is %s: at least %s", m.ReconcileInterval, MinReconcileInterval)
	}
	if p := m.ProbeInterval; p < MinProbeInterval || p > MaxProbeInterval {
		return fmt.Errorf("probeInterval is %s: %s to %s", p, MinProbeInterval, MaxProbeInterval)
	}
	if err := m.completeCycles(); err != nil {
		return err
	}
	if err := m.completeDeletion(); err != nil {
		return err
	}
	if err := m.Quotas.complete(); err != nil {
		return fmt.Errorf("quotas.%w", err)
	}
	return nil
}

func (c *CAS) complete() error {
	if c.SessionReuse == nil {
		c.SessionReuse = new(DefaultSessionReuse)
	}
	byDefault(&c.DirectTransfers, direct.Off)
	byDefault(&c.MaxArtifactBytes, DefaultMaxArtifactBytes)
	byDefault(&c.UploadExpiry, DefaultUploadExpiry)
	c.Limits = c.Limits.WithDefaults()
	switch r, e := *c.SessionReuse, c.UploadExpiry; {
	case r < 0 || r > session.MaxReuse:
		return fmt.Errorf("sessionReuse is %s: 0s to %s", r, session.MaxReuse)
	case c.MaxArtifactBytes < 0:
		return fmt.Errorf("maxArtifactBytes is %d: at least 1", c.MaxArtifactBytes)
	case e < MinUploadExpiry || e > MaxUploadExpiry:
		return fmt.Errorf("uploadExpiry is %s: %s to %s", e, MinUploadExpiry, MaxUploadExpiry)
	}
	if err := c.checkPeer("controlplaneUrl", c.ControlplaneURL, "control plane", 8000); err != nil {
		return err
	}
	if err := c.Limits.check(); err != nil {
		return fmt.Errorf("limits.%w", err)
	}
	return nil
}

func (c *Controlplane) complete() error {
	byDefault(&c.KeyRotation, auth.DefaultRotation)
	if c.DrainDelay == nil {
		c.DrainDelay = new(DefaultDrainDelay)
	}
	if r := c.KeyRotation; r < auth.MinRotation || r > auth.MaxRotation {
		return fmt.Errorf("keyRotation is %s: %s to %s", r, auth.MinRotation, auth.MaxRotation)
	}
	if d := *c.DrainDelay; d < 0 || d > time.Hour {
		return fmt.Errorf("drainDelay is %s: 0s to 1h0m0s", d)
	}
	if err := c.checkPeer("casUrl", c.CASURL, "CAS", 8001); err != nil {
		return err
	}
	if err := checkURL("publicCasUrl", c.PublicCASURL, "CAS", 8001); err != nil {
		return err
	}
	if err := c.completeIdentity(); err != nil {
		return err
	}
	if err := c.Limits.complete(); err != nil {
		return fmt.Errorf("limits.%w", err)
	}
	return nil
}

// checkURL refuses what nothing can be fetched from; leaving it out is no concern of it. of and
// port are whose HTTP port it should be, and such a port.
func checkURL(key, text, of string, port int) error {
	u, err := url.Parse(text)
	if text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return nil
	}
	return fmt.Errorf("%s is %q: give the http or https URL of the %s's HTTP port, such as http://127.0.0.1:%d", key, text, of, port)
}
