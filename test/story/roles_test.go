package story

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRoles runs "roles [secret store]": backend, controlplane and cas as three processes of their own,
// as in a cluster: one configuration file, one database, each with the pod identity of
// its workload in its environment. They share the AWS account of the daemon, and the
// clients' environment points to them from here on.
func cmdRoles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: roles [secret store]")
	}
	store := append(args, "database")[0]
	config := ts.MkAbs("managedcas.yaml")
	at := map[string]roleAddresses{}
	for _, role := range []string{"controlplane", "backend", "cas"} {
		// Only cas needs to know where another role listens.
		ts.Check(os.WriteFile(config, []byte(rolesConfig(ts, at["controlplane"].HTTP, store)), 0o600))
		at[role] = startRole(ts, role, config)
	}
	token := exec.Command(filepath.Join(programs, "managedcasd"), "token", "--config", config, "--name", "admin")
	text, err := token.Output()
	ts.Check(err)
	ts.Setenv("CHAINLOOP_TOKEN", strings.TrimSpace(string(text)))
	ts.Setenv("CHAINLOOP_CONTROL_PLANE_API", at["controlplane"].GRPC)
	ts.Setenv("CHAINLOOP_ARTIFACT_CAS_API", at["cas"].GRPC)
	ts.Setenv("CAS_HTTP", at["cas"].HTTP)
	// For commands that run with a workload's identity: env -i $AS_BACKEND command.
	for name, workload := range map[string]string{"AS_BACKEND": "backend", "AS_CAS": "cas"} {
		ts.Setenv(name, strings.Join(append(workloadEnv(of(ts), workload), "HOME="+ts.MkAbs("."), "PATH="+ts.Getenv("PATH")), " "))
	}
}

// roleAddresses is the ready file of a role.
type roleAddresses struct {
	GRPC string `json:"grpc"`
	HTTP string `json:"http"`
}

func rolesConfig(ts *testscript.TestScript, controlplane, store string) string {
	d := of(ts)
	return fmt.Sprintf(`backend:
  managedCas:
    enabled: true
    region: %s
    accountId: %q
    bucketName: %s
    kmsKeyArn: %s
    apPrefix: %s
    baseRoleName: %s
    sessionPolicyPrefix: %s
    backendRoleName: managedcas-backend
    controlplaneRoleName: managedcas-controlplane
    operatorArns: ["arn:aws:iam::%[2]s:root"]
    endpoint: %[8]s
    reconcileInterval: 1s
  listen: {http: "127.0.0.1:0"}
controlplane:
  listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
cas:
  listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
  ownBuckets: {enabled: true, roleArns: ["arn:aws:iam::%[2]s:role/customer/*"]}
  controlplaneUrl: %[9]q
database:
  url: sqlite:%s
secretStore:
  driver: %s
`, d.value("aws.region"), d.value("aws.accountId"), d.value("installation.bucketName"), d.value("installation.kmsKeyArn"),
		d.value("installation.apPrefix"), d.value("installation.baseRoleName"), d.value("installation.sessionPolicyPrefix"), d.value("aws.endpoint"),
		controlplane, ts.MkAbs("roles.db"), store)
}

func startRole(ts *testscript.TestScript, role, config string) roleAddresses {
	d := of(ts)
	log, err := os.Create(ts.MkAbs(role + ".log"))
	ts.Check(err)
	ready := ts.MkAbs(role + ".json")
	cmd := exec.Command(filepath.Join(programs, "managedcasd"), role, "--config", config, "--ready-file", ready)
	cmd.Stderr = log
	cmd.Env = workloadEnv(d, role)
	ts.Check(cmd.Start())
	p := &daemon{cmd: cmd, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	ts.Defer(func() {
		p.kill()
		_ = log.Close()
	})
	if d.roles == nil {
		d.roles = map[string]*daemon{}
	}
	d.roles[role] = p
	if err := awaitFile(ready, p.ended); err != nil {
		ts.Fatalf("%s: %v\n%s", role, err, ts.ReadFile(role+".log"))
	}
	var at roleAddresses
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(role+".json")), &at))
	return at
}

// workloadEnv is the environment of a pod.
func workloadEnv(d *daemon, workload string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + d.value("workloads."+workload+".credentialsUrl"),
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + d.value("workloads."+workload+".authorizationToken"),
	}
}
