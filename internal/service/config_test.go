package service_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const complete = `
backend:
  managedCas:
    enabled: true
    region: eu-west-1
    accountId: "111122223333"
    bucketName: cas-prod
    kmsKeyArn: arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555
    apPrefix: chainloop-
    baseRoleName: tenant
    sessionPolicyPrefix: cas-
    backendRoleName: backend
    controlplaneRoleName: controlplane
`

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := service.ParseConfig([]byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	in, err := cfg.Backend.ManagedCas.Installation()
	if err != nil {
		t.Fatal(err)
	}
	if in.Partition != "aws" || in.CASRoleName != "controlplane" || in.Loopback {
		t.Errorf("installation %+v", in)
	}
	if cfg.Backend.ManagedCas.ReconcileInterval != service.DefaultReconcileInterval || *cfg.CAS.SessionReuse != service.DefaultSessionReuse || cfg.CAS.MaxArtifactBytes != service.DefaultMaxArtifactBytes {
		t.Errorf("configuration %+v", cfg)
	}
}

func TestSessionPolicyMode(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]tenancy.SessionPolicyMode{
		"": tenancy.Managed, "    sessionPolicyMode: managed\n": tenancy.Managed,
		"    sessionPolicyMode: inline\n": tenancy.Inline, "    sessionPolicyMode: abac\n": tenancy.ABAC,
		"    sessionPolicyMode: off\n": "",
	} {
		cfg, err := service.ParseConfig([]byte(complete + line))
		if err != nil {
			t.Fatal(err)
		}
		in, err := cfg.Backend.ManagedCas.Installation()
		if in.SessionPolicyMode != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q, %v", line, in.SessionPolicyMode, err)
		}
	}
}

// Nobody sees where artifacts are (DESIGN I10) unless the operator says so. What Helm makes
// of off is a boolean.
func TestDirectTransfersAreOffByDefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]direct.Mode{
		"": direct.Off, "cas: {directTransfers: off}": direct.Off, "cas: {directTransfers: false}": direct.Off,
		`cas: {directTransfers: ""}`: direct.Off, "cas: {directTransfers: allowed}": direct.Allowed, "cas: {directTransfers: recommended}": direct.Recommended,
	} {
		cfg, err := service.ParseConfig([]byte(complete + text + "\n"))
		if err != nil || cfg.CAS.DirectTransfers != want {
			t.Errorf("%s: %q, %v", text, cfg.CAS.DirectTransfers, err)
		}
	}
}

// Organizations bring buckets only where the operator says so, and which roles.
func TestOwnBucketsAreOffByDefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0,
		`cas: {ownBuckets: {roleArns: ["arn:aws:iam::*:role/customer/*"]}}`:                                             0,
		`cas: {ownBuckets: {enabled: true, roleArns: ["arn:aws:iam::*:role/a/*", "arn:aws:iam::111122223333:role/b"]}}`: 2,
	} {
		cfg, err := service.ParseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Backend.ManagedCas.Names(); len(got.OwnBucketRoles) != want || got.OwnBuckets() != (want > 0) {
			t.Errorf("%q: %v", text, got.OwnBucketRoles)
		}
	}
	if _, err := service.ParseConfig([]byte("cas: {ownBuckets: {enabled: true}}")); err == nil || !strings.Contains(err.Error(), "cas.ownBuckets.roleArns") {
		t.Errorf("enabled without roles: %v", err)
	}
}

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, says string }{
		{"unknown key", complete + "    bucket: x\n", `unknown key "bucket"; there are accountId`},
		{"not enabled", strings.Replace(complete, "enabled: true", "enabled: false", 1), "enabled is false"},
		{"probes too often", complete + "    probeInterval: 999ms\n", "1s to 168h"},
		{"probes too seldom", complete + "    probeInterval: 168h1m\n", "1s to 168h"},
		{"interval below a second", complete + "    reconcileInterval: 999ms\n", "at least 1s"},
		{"prefix of 19 characters", strings.Replace(complete, "chainloop-", "chainloop-prod-eu1-", 1), "18"},
		{"negative size", complete + "cas: {maxArtifactBytes: -1}\n", "at least 1"},
		{"direct transfers", complete + "cas: {directTransfers: on}\n", `cas.directTransfers is "on": off, allowed or recommended`},
		{"sessions below 0", complete + "cas: {sessionReuse: -1s}\n", "cas.sessionReuse is -1s: 0s to 45m0s"},
		{"sessions above 45 minutes", complete + "cas: {sessionReuse: 45m1s}\n", "cas.sessionReuse is 45m1s: 0s to 45m0s"},
		{"control plane without scheme", complete + "cas: {controlplaneUrl: 'localhost:8000'}\n", `cas.controlplaneUrl is "localhost:8000": give the http or https URL`},
		{"control plane of another scheme", complete + "cas: {controlplaneUrl: 'grpc://localhost:8000'}\n", "cas.controlplaneUrl"},
		{"CAS without scheme", complete + "controlplane: {casUrl: 'localhost:8001'}\n", `controlplane.casUrl is "localhost:8001": give the http or https URL`},
		{"CAS with a query", complete + "controlplane: {publicCasUrl: 'https://cas.example.com/?t=x'}\n", "controlplane.publicCasUrl"},
		{"control plane without host", complete + "cas: {controlplaneUrl: 'http://:8000'}\n", "cas.controlplaneUrl"},
		{"control plane in plaintext", complete + "cas: {controlplaneUrl: 'http://controlplane.example.com:8000'}\n", "cas.controlplaneUrl is http://controlplane.example.com:8000, which others can read and answer: give its https URL"},
		{"control plane at an address", complete + "cas: {controlplaneUrl: 'http://192.0.2.1:8000'}\n", "cas.controlplaneUrl"},
		{"CAS in plaintext", complete + "controlplane: {casUrl: 'http://localhost.example.com:8001'}\n", "set insecurePlaintext: true beside it"},
		{"expiry below a minute", complete + "cas: {uploadExpiry: 59s}\n", "1m0s to 168h0m0s"},
		{"expiry above a week", complete + "cas: {uploadExpiry: 168h1s}\n", "1m0s to 168h0m0s"},
		{"keys of less than a day", complete + "controlplane: {keyRotation: 23h59m59s}\n", "controlplane.keyRotation is 23h59m59s: 24h0m0s to 87600h0m0s"},
		{"keys of more than ten years", complete + "controlplane: {keyRotation: 87600h1s}\n", "controlplane.keyRotation"},
		{"draining below 0", complete + "controlplane: {drainDelay: -1s}\n", "controlplane.drainDelay is -1s: 0s to 1h0m0s"},
		{"draining above an hour", complete + "controlplane: {drainDelay: 1h1s}\n", "controlplane.drainDelay"},
		{"a second document", complete + "---\nlog: {format: text}\n", "more than one document"},
		{"log format", complete + "log: {format: xml}\n", "json or text"},
	} {
		cfg, err := service.ParseConfig([]byte(tc.text))
		if err == nil {
			_, err = cfg.Backend.ManagedCas.Installation()
		}
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v, want one that says %q", tc.name, err, tc.says)
		}
	}
	for _, text := range []string{complete + "    reconcileInterval: 1s\n", complete + "    probeInterval: 1s\n", complete + "    probeInterval: 168h\n", complete + "cas: {uploadExpiry: 1m}\n", complete + "controlplane: {keyRotation: 24h}\n", complete + "controlplane: {drainDelay: 0s}\n", complete + "controlplane: {drainDelay: 1h}\n", complete + "controlplane: {keyRotation: 87600h}\n", complete + "cas: {uploadExpiry: 168h}\n", strings.Replace(complete, "chainloop-", "chainloop-prod-eu-", 1)} {
		cfg, err := service.ParseConfig([]byte(text))
		if err == nil {
			_, err = cfg.Backend.ManagedCas.Installation()
		}
		if err != nil {
			t.Errorf("a value at its limit is refused: %v", err)
		}
	}
}

func TestRatesAndQuotas(t *testing.T) {
	t.Parallel()
	cfg, err := service.ParseConfig([]byte(complete))
	if q := cfg.Backend.ManagedCas.Quotas; err != nil || q.AccessPoints != 10_000 || *q.Reserve != 10 {
		t.Errorf("defaults %+v, %v", q, err)
	}
	for text, ok := range map[string]bool{
		"quotas: {accessPoints: 1}": true, "quotas: {accessPoints: -1}": false,
		"quotas: {accessPoints: 1000000}": true, "quotas: {accessPoints: 1000001}": false,
		"quotas: {reserve: 0}": true, "quotas: {reserve: -1}": false, "quotas: {reserve: 1000}": true, "quotas: {reserve: 1001}": false,
		"quotas: {policies: 1}":                      false, // AWS says how many
		"apiRates: {iam: {perSecond: 2, burst: 5}}":  true,
		"apiRates: {iam: {perMinute: 2}}":            false,
		"apiRates: {iam.GetRole: {perSecond: fast}}": false,
	} {
		cfg, err := service.ParseConfig([]byte(complete + "    " + text + "\n"))
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if rates := cfg.Backend.ManagedCas.APIRates; ok && strings.HasPrefix(text, "apiRates") && (rates["iam"] != cloud.Rate{PerSecond: 2, Burst: 5}) {
			t.Errorf("%s is read as %v", text, rates)
		}
	}
}

// The default keeps; to keep nothing must be written out, and so must be to purge.
func TestRetentionAndPurge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		retention time.Duration // -1: refused
		role      string
	}{
		"":                       {720 * time.Hour, ""},
		"retention: 0s":          {0, ""},
		"retention: -1s":         {-1, ""},
		"retention: 87600h":      {87600 * time.Hour, ""},
		"retention: 87600h1ns":   {-1, ""},
		"retention: forever":     {-1, ""},
		"purge: {enabled: true}": {720 * time.Hour, "tenant-purge"},
		"purge: {enabled: true, roleName: remover}": {720 * time.Hour, "remover"},
		"purge: {roleName: remover}":                {-1, ""},
		"purge: {enabled: false}":                   {720 * time.Hour, ""},
	} {
		cfg, err := service.ParseConfig([]byte(complete + "    " + text + "\n"))
		if want.retention < 0 {
			if err == nil {
				t.Errorf("%q is accepted", text)
			}
			continue
		}
		in, errInstallation := cfg.Backend.ManagedCas.Installation()
		if err := errors.Join(err, errInstallation); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := *cfg.Backend.ManagedCas.Retention; got != want.retention || in.PurgeRoleName != want.role {
			t.Errorf("%q: %s, %q", text, got, in.PurgeRoleName)
		}
	}
}

func TestConfigFileSize(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(complete+strings.Repeat("#", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := service.ReadConfig(file); err == nil || !strings.Contains(err.Error(), "not a configuration") {
		t.Errorf("error %v", err)
	}
	if _, err := service.ReadConfig(file + ".missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// Every limit at both ends, and what a file that names none has.
func TestLimitsOfTransfers(t *testing.T) {
	t.Parallel()
	cfg, err := service.ParseConfig([]byte(complete))
	if l := cfg.CAS.Limits; err != nil || l.Transfers != 128 || l.TransfersPerOrganization != 32 || l.QueuePerOrganization != 64 || *l.DrainDelay != service.DefaultDrainDelay || l.BytesPerSecondPerOrganization != 0 {
		t.Errorf("defaults %+v, %v", cfg.CAS.Limits, err)
	}
	for text, ok := range map[string]bool{
		"transfers: 1": true, "transfers: -1": false, "transfers: 1048576": true, "transfers: 1048577": false,
		"transfersPerOrganization: 128": true, "transfersPerOrganization: 129": false, "transfersPerOrganization: -1": false,
		"directUploadsPerOrganization: 1": true, "directUploadsPerOrganization: -1": false,
		"directUploadsPerOrganization: 1048576": true, "directUploadsPerOrganization: 1048577": false,
		"queuePerOrganization: 1": true, "queuePerOrganization: -1": false,
		"queueTime: 1ms": true, "queueTime: 1us": false, "queueTime: 1m": true, "queueTime: 61s": false,
		"bytesPerSecondPerOrganization: 8388608": true, "bytesPerSecondPerOrganization: 8388607": false, "bytesPerSecondPerOrganization: 2147483648": false,
		"memoryBytes: 67108864": true, "memoryBytes: 67108863": false,
		"transferIdle: 1s": true, "transferIdle: 999ms": false, "transferIdle: 1h": true, "transferIdle: 61m": false,
		"patience: 1s": true, "patience: 999ms": false, "patience: 24h": true, "patience: 25h": false,
		"minBytesPerSecond: 1": true, "minBytesPerSecond: -1": false, "minBytesPerSecond: 2147483648": false,
		"transferTime: 1s": true, "transferTime: 999ms": false, "transferTime: 720h": true, "transferTime: 721h": false,
		"drainDelay: 0s": true, "drainDelay: -1s": false, "drainDelay: 1h": true, "drainDelay: 61m": false,
		"drainTime: 1ms": true, "drainTime: 1us": false, "drainTime: 24h": true, "drainTime: 25h": false,
		"patients: 1s": false,
	} {
		if _, err := service.ParseConfig([]byte(complete + "cas: {limits: {" + text + "}}\n")); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
