// Package rollout starts the three roles as a cluster would from what the chart renders, each
// as a process with the identity of its service account, against an embedded AWS that is a
// process as well, and stores something.
package rollout

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/authority"
	"github.com/managedcas/managedcas/test/process"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

// TestRollout is every example of the chart.
func TestRollout(t *testing.T) {
	t.Parallel()
	programs := t.TempDir()
	must(t, process.Build(programs, "../..", "./cmd/..."))
	examples, err := filepath.Glob("../../deploy/helm/examples/*.yaml")
	must(t, err)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, file := range examples {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rollOut(t, programs, name)
		})
	}
}

func rollOut(t *testing.T, programs, name string) {
	m := rendered(t, name)
	s := newSite(t, programs, m)
	backend, controlplane, cas := s.run("backend"), s.run("controlplane"), s.run("cas")
	var api, artifacts, nothing struct{ GRPC, HTTP string }
	controlplane.MustBeReady(t, s.readyFile("controlplane"), &api)
	s.services["controlplane"].to(strings.TrimPrefix(api.HTTP, s.scheme+"://"))
	cas.MustBeReady(t, s.readyFile("cas"), &artifacts)
	s.services["cas"].to(strings.TrimPrefix(artifacts.HTTP, s.scheme+"://"))
	backend.MustBeReady(t, s.readyFile("backend"), &nothing)
	environment := []string{"HOME=" + t.TempDir(), "CHAINLOOP_CONTROL_PLANE_API=" + api.GRPC, "CHAINLOOP_ARTIFACT_CAS_API=" + artifacts.GRPC}
	if s.authority == nil {
		environment = append(environment, "CHAINLOOP_API_INSECURE=true")
	} else {
		environment = append(environment, "CHAINLOOP_CONTROL_PLANE_API_CA="+s.authority.File, "CHAINLOOP_ARTIFACT_CAS_API_CA="+s.authority.File)
	}

	// What the notes say then: kubectl exec, and the guide's Verify.
	token := run(t, s.environment("controlplane"), filepath.Join(programs, "managedcasd"), "token", "--config", s.configFile("controlplane"), "--name", "operator")
	environment = append(environment, "CHAINLOOP_TOKEN="+strings.TrimSpace(token))
	managedcas := func(args ...string) string {
		return run(t, environment, filepath.Join(programs, "managedcas"), args...)
	}
	managedcas("organization", "create", "acme", "--wait", "90s")
	if list := managedcas("--org", "acme", "cas-backend", "list"); !strings.Contains(list, "chainloop-cloud-storage") || !strings.Contains(list, "managed by Chainloop") {
		t.Errorf("its storage backends are\n%s", list)
	}
	content := bytes.Repeat([]byte("an artifact of acme\n"), 100_000)
	attest(t, api.GRPC, strings.TrimSpace(managedcas("--org", "acme", "token", "create", "--name", "ci")), s.authority)
	artifact, back := filepath.Join(t.TempDir(), "artifact"), filepath.Join(t.TempDir(), "back")
	must(t, os.WriteFile(artifact, content, 0o600))
	managedcas("--org", "acme", "artifact", "upload", "-f", artifact)
	managedcas("--org", "acme", "artifact", "download", "-d", fmt.Sprintf("sha256:%x", sha256.Sum256(content)), "--output", back)
	if got := read(t, back); got != string(content) {
		t.Errorf("%d bytes came back of %d", len(got), len(content))
	}
	// Each was who it should be, and as the organization the base role.
	for operation, want := range map[string][]string{
		"CreateAccessPoint": {s.in.BackendRoleName},
		"AssumeRole":        {s.in.BackendRoleName, s.in.CASRoleName},
		"PutObject":         {s.in.BaseRoleName},
	} {
		if diff := cmp.Diff(want, s.account.roles(t, operation)); diff != "" {
			t.Errorf("%s was called by (-want +got):\n%s", operation, diff)
		}
	}
	stop(t, cas, controlplane, backend)
}

// site is a cluster with one node, and the account that it uses.
type site struct {
	t          *testing.T
	programs   string
	manifests  manifests
	in         tenancy.Installation // as the chart rendered it
	account    *account
	node       *node
	identities map[string]identity
	services   map[string]*relay
	scheme     string
	authority  *authority.Authority // of all certificates; nil where there are none
}

// ports are those of the chart, and what stands for each here.
var ports = map[string]string{
	`":8081"`: `"127.0.0.1:0"`, `":9000"`: `"127.0.0.1:0"`, `":8000"`: `"127.0.0.1:0"`, `":9001"`: `"127.0.0.1:0"`, `":8001"`: `"127.0.0.1:0"`,
}

func newSite(t *testing.T, programs string, m manifests) *site {
	t.Helper()
	s := &site{t: t, programs: programs, manifests: m, services: map[string]*relay{"controlplane": newRelay(t), "cas": newRelay(t)}, scheme: "http"}
	if !strings.Contains(m.config, "insecurePlaintext: true") {
		s.scheme, s.authority = "https", authority.New(t)
	}
	said, err := service.ParseConfig([]byte(m.config))
	must(t, err)
	s.in = said.Backend.ManagedCas.Names()
	s.account = newAccount(t, programs, s.in.AccountID, s.in.Region)

	// All that is not as the chart rendered it: where things are. Paths are the node's affair.
	config := m.config
	replace := func(from, to string) {
		if !strings.Contains(config, from) {
			t.Fatalf("there is no %s in\n%s", from, config)
		}
		config = strings.ReplaceAll(config, from, to)
	}
	for port, here := range ports {
		replace(port, here)
	}
	for role, port := range map[string]string{"controlplane": "8000", "cas": "8001"} {
		d := m.deployments[role].Metadata
		replace(fmt.Sprintf("%s://%s.%s.svc:%s", s.scheme, d.Name, d.Namespace, port), s.scheme+"://"+s.services[role].address)
	}
	replace("\n    enabled: true\n", "\n    enabled: true\n    endpoint: "+s.account.Endpoint+"\n")
	withoutKey := strings.Replace(config, "    kmsKeyArn: "+s.in.KMSKeyARN+"\n", "", 1)
	replace(s.in.KMSKeyARN, s.account.provision(t, programs, withoutKey))

	if annotated(m.accounts) {
		s.identities = s.account.serviceAccountRoles(t, programs, config, m.notes, m.accounts)
	} else {
		s.identities = s.account.podIdentities(t, m.notes)
	}
	s.node = &node{t: t, config: config, dir: t.TempDir(), secrets: s.secrets(), claims: map[string]string{}}
	for _, d := range m.deployments {
		for _, v := range d.Spec.Template.Spec.Volumes {
			if c := v.PersistentVolumeClaim; c != nil && s.node.claims[c.ClaimName] == "" {
				s.node.claims[c.ClaimName] = t.TempDir()
			}
		}
	}
	for role, d := range m.deployments {
		s.node.mount(role, d.Spec.Template.Spec)
	}
	return s
}

// annotated reports whether service accounts have their roles by IRSA: all, or none.
func annotated(accounts map[string]serviceAccount) bool {
	for _, a := range accounts {
		return a.Metadata.Annotations[roleARN] != ""
	}
	return false
}

// secrets are what an operator, or cert-manager, has made before: everything that the chart
// names and does not make.
func (s *site) secrets() map[string]map[string]string {
	s.t.Helper()
	certificate := func() map[string]string {
		secret := authority.NewSecret(s.t)
		s.authority.Renew(s.t, secret, time.Now().Add(time.Hour))
		return map[string]string{
			"tls.crt": read(s.t, secret.CertFile()), "tls.key": read(s.t, secret.KeyFile()), "ca.crt": read(s.t, s.authority.File),
		}
	}
	made := map[string]map[string]string{}
	for _, d := range s.manifests.deployments {
		for _, v := range d.Spec.Template.Spec.Volumes {
			if v.Secret == nil || made[v.Secret.SecretName] != nil {
				continue
			}
			switch name := v.Secret.SecretName; {
			case strings.HasSuffix(name, "-tls"):
				made[name] = certificate()
			case strings.HasSuffix(name, "-ca"):
				made[name] = map[string]string{"ca.crt": read(s.t, s.authority.File)}
			case strings.Contains(name, "postgresql"):
				url := databasetest.EmptyPostgres(s.t) + "\n" // the roles make its tables
				made[name] = map[string]string{"url": url, "uri": url}
			}
		}
	}
	return made
}

func (s *site) readyFile(role string) string  { return filepath.Join(s.node.dir, role+".json") }
func (s *site) configFile(role string) string { return s.args(role)[2] }

func (s *site) args(role string) []string {
	var args []string
	for _, arg := range s.manifests.deployments[role].Spec.Template.Spec.Containers[0].Args {
		args = append(args, s.node.here(role, arg))
	}
	return args
}

// environment is what the chart gives the container, and EKS its service account.
func (s *site) environment(role string) []string {
	s.t.Helper()
	p := s.manifests.deployments[role].Spec.Template.Spec
	who, known := s.identities[p.ServiceAccountName]
	if !known {
		s.t.Fatalf("%s is %s, whom the notes do not mention", role, p.ServiceAccountName)
	}
	environment := who.in(s.t, s.t.TempDir())
	for _, variable := range p.Containers[0].Env {
		environment = append(environment, variable.Name+"="+s.node.here(role, variable.Value))
	}
	return environment
}

// run starts the container of a role. Where it listens only the process knows.
func (s *site) run(role string) *process.Process {
	s.t.Helper()
	return start(s.t, s.programs, s.environment(role), append(s.args(role), "--ready-file", s.readyFile(role))...)
}
