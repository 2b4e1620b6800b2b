package rollout

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/authority"
	"github.com/managedcas/managedcas/test/process"
)

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
	`":8082"`: `"127.0.0.1:0"`, `":8081"`: `"127.0.0.1:0"`, `":9000"`: `"127.0.0.1:0"`, `":8000"`: `"127.0.0.1:0"`, `":9001"`: `"127.0.0.1:0"`, `":8001"`: `"127.0.0.1:0"`,
}

// operator makes in the account of a site what comes before the chart, whose configuration it is
// given, and returns the key, and who pods are by service account.
type operator func(s *site, config string) (kmsKeyARN string, identities map[string]identity)

// provisioned is an operator who has managedcasd provision, and reads the notes of the chart.
func provisioned(s *site, config string) (string, map[string]identity) {
	s.t.Helper()
	withoutKey := strings.Replace(config, "    kmsKeyArn: "+s.in.KMSKeyARN+"\n", "", 1)
	key := s.account.provision(s.t, s.programs, withoutKey)
	if annotated(s.manifests.accounts) {
		config = strings.ReplaceAll(config, s.in.KMSKeyARN, key)
		return key, s.account.serviceAccountRoles(s.t, s.programs, config, s.manifests.notes, s.manifests.accounts)
	}
	return key, s.account.podIdentities(s.t, s.manifests.notes)
}

func newSite(t *testing.T, programs string, m manifests, prepare operator) *site {
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
	key, identities := prepare(s, config)
	replace(s.in.KMSKeyARN, key)
	s.identities = identities
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

// migrate runs the job that comes before the roles, which then find nothing to migrate.
func (s *site) migrate() {
	s.t.Helper()
	job := s.manifests.migration
	if job == nil {
		return
	}
	const name = "migrate"
	s.node.mount(name, job.Spec.Template.Spec)
	args := []string{"-o", "json"}
	for _, arg := range job.Spec.Template.Spec.Containers[0].Args {
		args = append(args, s.node.here(name, arg))
	}
	for _, from := range []string{`{"from":0,`, `{"from":1`} { // nothing was there; then all is
		if said := run(s.t, []string{}, filepath.Join(s.programs, "managedcasd"), args...); !strings.HasPrefix(said, from) {
			s.t.Errorf("the job says %s", said)
		}
	}
}

// running is a site whose three roles run.
type running struct {
	backend, controlplane, cas *process.Process
	api                        string            // of the control plane, gRPC
	metrics                    map[string]string // URLs by role
	environment                []string          // of the first administrator, who has a token
}

// start runs the three roles until all are ready, and does what the notes say then.
func (s *site) start() *running {
	s.t.Helper()
	s.migrate()
	up := &running{backend: s.run("backend"), controlplane: s.run("controlplane"), cas: s.run("cas")}
	var api, artifacts, backend struct{ GRPC, HTTP, Metrics string }
	up.controlplane.MustBeReady(s.t, s.readyFile("controlplane"), &api)
	s.services["controlplane"].to(strings.TrimPrefix(api.HTTP, s.scheme+"://"))
	up.cas.MustBeReady(s.t, s.readyFile("cas"), &artifacts)
	s.services["cas"].to(strings.TrimPrefix(artifacts.HTTP, s.scheme+"://"))
	up.backend.MustBeReady(s.t, s.readyFile("backend"), &backend)
	up.api = api.GRPC
	up.metrics = map[string]string{"backend": backend.Metrics, "controlplane": api.Metrics, "cas": artifacts.Metrics}
	up.environment = []string{"HOME=" + s.t.TempDir(), "CHAINLOOP_CONTROL_PLANE_API=" + api.GRPC, "CHAINLOOP_ARTIFACT_CAS_API=" + artifacts.GRPC}
	if s.authority == nil {
		up.environment = append(up.environment, "CHAINLOOP_API_INSECURE=true")
	} else {
		up.environment = append(up.environment, "CHAINLOOP_CONTROL_PLANE_API_CA="+s.authority.File, "CHAINLOOP_ARTIFACT_CAS_API_CA="+s.authority.File)
	}
	token := run(s.t, s.environment("controlplane"), filepath.Join(s.programs, "managedcasd"), "token", "--config", s.configFile("controlplane"), "--name", "test")
	up.environment = append(up.environment, "CHAINLOOP_TOKEN="+strings.TrimSpace(token))
	return up
}

func (up *running) stop(t *testing.T) {
	t.Helper()
	stop(t, up.cas, up.controlplane, up.backend)
}
