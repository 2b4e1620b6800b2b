package rig

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/registry"
)

// CASProcess returns what managedcasd cas is started with to be the CAS of this
// installation as a process of its own: a configuration file, and the environment that
// gives it its identity. It reaches AWS at endpoint, which is Endpoint or what stands
// before it; limits are the lines of cas.limits.
func (r *Rig) CASProcess(t testing.TB, endpoint, limits string) (config string, environment []string) {
	t.Helper()
	in := r.Installation
	text := fmt.Sprintf(`backend:
  managedCas:
    enabled: true
    region: %s
    accountId: %q
    bucketName: %s
    kmsKeyArn: %s
    apPrefix: %s
    baseRoleName: %s
    sessionPolicyPrefix: %s
    backendRoleName: %s
    controlplaneRoleName: %s
    casRoleName: %s
    endpoint: %s
cas:
  listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
  controlplaneUrl: %s
  limits: {%s}
database:
  url: %q
`, in.Region, in.AccountID, in.BucketName, in.KMSKeyARN, in.APPrefix, in.BaseRoleName, in.SessionPolicyPrefix,
		in.BackendRoleName, in.ControlplaneRoleName, in.CASRoleName, endpoint, r.publishedKeys(t), limits,
		"sqlite:"+r.database)
	config = filepath.Join(t.TempDir(), "managedcas.yaml")
	must(t, os.WriteFile(config, []byte(text), 0o600))
	access := r.pod(t, "cas", in.CASRoleARN())
	return config, []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + r.endpoint + access.Path,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + access.AuthorizationToken,
	}
}

// publishedKeys serves what the control plane does over HTTP, and returns its URL.
func (r *Rig) publishedKeys(t testing.TB) string {
	t.Helper()
	ring, err := auth.OpenKeyRing(t.Context(), r.DB, registry.KeyUseAPI)
	must(t, err)
	signer, err := auth.NewCASSigner(r.Keys, auth.DefaultCASLifetime)
	must(t, err)
	server := httptest.NewServer(controlplane.New(controlplane.Config{
		Store: r.DB, Tokens: auth.NewTokens(r.DB, r.DB, ring, r.log), Signer: signer, Keys: r.Keys,
		Log: slog.New(slog.DiscardHandler), Version: "test", MaxArtifactBytes: r.options.MaxBytes,
	}).HTTPHandler())
	t.Cleanup(server.Close)
	return server.URL
}
