package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	"github.com/managedcas/managedcas/test/process"
)

// world is everything that runs.
type world struct {
	dir     string
	at      ready
	dev     *measured // embedded AWS, backend, controlplane
	cas     *measured // measured alone
	idleKiB int64
	direct  direct
	http    overHTTP
	grpc    overGRPC
	signed  presigned
	tokens  controlplanev1.CASCredentialsServiceClient
	token   string // of an administrator
	files   plain
	last    [][]artifact // to be downloaded again
}

// paths are the columns of the table.
func (w *world) paths() []path { return []path{w.direct, w.http, w.grpc, w.signed, w.files} }

const organization = "ratios"

// ready is what the ready file of dev says.
type ready struct {
	Controlplane struct{ GRPC, HTTP string }
	AWS          struct{ Endpoint, Region, AccountID, AccessKeyID, SecretAccessKey string }
	Installation struct{ BucketName, KMSKeyARN, BaseRoleName, APPrefix, SessionPolicyPrefix string }
	Workloads    map[string]struct{ CredentialsURL, AuthorizationToken string }
	AdminToken   string
}

func start(ctx context.Context, bin, dir string) (w *world, err error) {
	w = &world{dir: dir, files: plain{filepath.Join(dir, "plain")}}
	defer func() {
		if err != nil {
			w.stop()
		}
	}()
	var at ready
	daemon := filepath.Join(bin, "managedcasd")
	if w.dev, err = launch(ctx, &at, filepath.Join(dir, "dev.json"), nil, daemon, "dev", "--data", filepath.Join(dir, "data")); err != nil {
		return w, err
	}
	w.at, w.token = at, at.AdminToken
	create := exec.CommandContext(ctx, filepath.Join(bin, "managedcas"), "--control-plane", at.Controlplane.GRPC, "--artifact-cas", "127.0.0.1:1",
		"--token", at.AdminToken, "--insecure", "organization", "create", organization, "--wait", "60s")
	if out, err := create.CombinedOutput(); err != nil {
		return w, fmt.Errorf("create an organization: %w\n%s", err, out)
	}
	config := filepath.Join(dir, "cas.yaml")
	if err := os.WriteFile(config, []byte(at.config(filepath.Join(dir, "data", "managedcas.db"))), 0o600); err != nil {
		return w, err
	}
	pod := at.Workloads["cas"]
	var cas struct{ GRPC, HTTP string }
	if w.cas, err = launch(ctx, &cas, filepath.Join(dir, "cas.json"), []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + pod.CredentialsURL,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + pod.AuthorizationToken,
	}, daemon, "cas", "--config", config); err != nil {
		return w, err
	}
	w.idleKiB = w.cas.peakKiB()
	controlplane, err := grpc.NewClient(at.Controlplane.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return w, err
	}
	w.tokens = controlplanev1.NewCASCredentialsServiceClient(controlplane)
	if w.grpc, err = newOverGRPC(cas.GRPC, w.casToken); err != nil {
		return w, err
	}
	w.http = newOverHTTP(cas.HTTP, w.casToken)
	w.signed = newPresigned(cas.HTTP, w.casToken)
	w.direct, err = newDirect(ctx, at)
	return w, err
}

func (at ready) config(database string) string {
	return fmt.Sprintf(`backend:
  managedCas: {enabled: true, region: %s, accountId: %q, bucketName: %s, kmsKeyArn: %q, apPrefix: %s,
    baseRoleName: %s, sessionPolicyPrefix: %s, endpoint: %q,
    backendRoleName: managedcas-backend, controlplaneRoleName: managedcas-controlplane}
  listen: {http: "127.0.0.1:0"}
controlplane: {listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}}
cas: {listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}, controlplaneUrl: %q, directTransfers: allowed}
database: {url: "sqlite:%s"}
`, at.AWS.Region, at.AWS.AccountID, at.Installation.BucketName, at.Installation.KMSKeyARN, at.Installation.APPrefix,
		at.Installation.BaseRoleName, at.Installation.SessionPolicyPrefix, at.AWS.Endpoint, at.Controlplane.HTTP, database)
}

// casToken asks the control plane for a token, which is not part of what is measured.
func (w *world) casToken(ctx context.Context, role controlplanev1.CASCredentialsServiceGetRequest_Role, digest string) (string, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.token, "chainloop-organization", organization)
	got, err := w.tokens.Get(ctx, &controlplanev1.CASCredentialsServiceGetRequest{Role: role, Digest: digest})
	return got.GetResult().GetToken(), err
}

func (w *world) stop() {
	for _, p := range []*measured{w.cas, w.dev} {
		if p != nil {
			_ = p.Stop() // it has been measured
		}
	}
}

// measured is a program that runs.
type measured struct{ *process.Process }

// launch starts a program and reads its ready file into at when it is there.
func launch(ctx context.Context, at any, file string, env []string, program string, args ...string) (*measured, error) {
	p, err := process.Start(process.Command{
		Program: program, Args: append(args, "--ready-file", file), Env: append(os.Environ(), env...),
	})
	if err != nil {
		return nil, fmt.Errorf("%w (make build first)", err)
	}
	if err := p.Ready(ctx, file, at); err != nil {
		p.Kill()
		return nil, err
	}
	return &measured{p}, nil
}

// cpu is the processor time that the process has used, in the kernel's 10 ms
// (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
func (p *measured) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if errors.Join(err1, err2) != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// cpu is the processor time that everything has used that runs, the client included.
func (w *world) cpu() time.Duration {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	return time.Duration(own.Utime.Nano()+own.Stime.Nano()) + w.dev.cpu() + w.cas.cpu()
}

// peakKiB is the most memory that the process has held at once.
func (p *measured) peakKiB() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	return n
}
