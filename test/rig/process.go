package rig

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
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
    sessionPolicyMode: %s
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
`, in.Region, in.AccountID, in.BucketName, in.KMSKeyARN, in.APPrefix, in.BaseRoleName, in.SessionPolicyPrefix, in.SessionPolicyMode,
		in.BackendRoleName, in.ControlplaneRoleName, in.CASRoleName, endpoint, r.publishedKeys(t), limits,
		"sqlite:"+r.database)
	config = filepath.Join(t.TempDir(), "managedcas.yaml")
	must(t, os.WriteFile(config, []byte(text), 0o600))
	access := r.pod(t, "cas", in.CASRoleARN(), in.SessionPolicyMode)
	return config, []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + r.endpoint + access.Path,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + access.AuthorizationToken,
	}
}

// publishedKeys serves what the control plane does over HTTP, and returns its URL.
func (r *Rig) publishedKeys(t testing.TB) string {
	t.Helper()
	services, _ := r.services(t)
	server := httptest.NewServer(services.HTTPHandler(nil))
	t.Cleanup(server.Close)
	return server.URL
}
