package diagnosis

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/process"
)

const (
	accountID = "123456789012"
	region    = "us-east-1"
	patience  = 5 * time.Minute // the aws CLI computes long, and other tests run beside
)

// site is an embedded AWS account, a process of its own, in which an installation was
// provisioned.
type site struct {
	dir, config                            string
	endpoint, accessKeyID, secretAccessKey string
	in                                     tenancy.Installation
	// serviceAccounts are those that have other names than most.
	serviceAccounts map[string]string
	noTags          bool
}

// newSite provisions an installation; more are lines of backend.managedCas.
func newSite(t *testing.T, more ...string) *site {
	t.Helper()
	// Beside an inline session policy there is no room for session tags.
	s := &site{dir: t.TempDir(), noTags: slices.Contains(more, "sessionPolicyMode: inline")}
	s.config = filepath.Join(s.dir, "managedcas.yaml")
	s.startAWS(t)
	s.in = tenancy.Installation{
		AccountID: accountID, Region: region, BucketName: "example-artifacts", APPrefix: "chainloop-",
		BaseRoleName: "managedcas-tenant", SessionPolicyPrefix: "cas-", BackendRoleName: "managedcas-backend",
		ControlplaneRoleName: "managedcas-controlplane", CASRoleName: "managedcas-cas",
		OperatorARNs: []string{"arn:aws:iam::" + accountID + ":root"}, Loopback: true,
	}
	if slices.Contains(more, purges) {
		s.in.PurgeRoleName = s.in.BaseRoleName + "-purge"
	}
	s.configure(t, more...)
	said := s.must(t, s.administrator(), "managedcasd", "provision", "--config", s.config)
	_, after, found := strings.Cut(said, "kmsKeyArn: ")
	if !found {
		t.Fatalf("provision says\n%s", said)
	}
	arn, _, _ := strings.Cut(after, "\n")
	s.in.KMSKeyARN = strings.TrimSpace(arn)
	s.configure(t, more...)
	var err error
	s.in, err = tenancy.New(s.in)
	must(t, err)
	return s
}

func (s *site) startAWS(t *testing.T) {
	t.Helper()
	ready := filepath.Join(s.dir, "ready.json")
	aws := process.Run(t, process.Command{Program: filepath.Join(programs, "managedcasd"), Args: []string{
		"aws", "--listen", "127.0.0.1:0", "--data", filepath.Join(s.dir, "aws"), "--account", accountID, "--region", region,
		"--ready-file", ready, "--access-point-quota", "5", "--policy-quota", "5",
	}})
	var said struct {
		AWS struct{ Endpoint, AccessKeyID, SecretAccessKey string }
	}
	aws.MustBeReady(t, ready, &said)
	s.endpoint, s.accessKeyID, s.secretAccessKey = said.AWS.Endpoint, said.AWS.AccessKeyID, said.AWS.SecretAccessKey
}

// purges has the backend purge deleted organizations.
const purges = "purge: {enabled: true}"

// configure writes the configuration of the installation.
func (s *site) configure(t *testing.T, more ...string) {
	t.Helper()
	in := s.in
	text := fmt.Sprintf(`backend:
  managedCas:
    enabled: true
    region: %s
    accountId: %q
    bucketName: %s
    kmsKeyArn: %q
    apPrefix: %s
    baseRoleName: %s
    sessionPolicyPrefix: %s
    backendRoleName: %s
    controlplaneRoleName: %s
    casRoleName: %s
    operatorArns: [%q]
    endpoint: %s
    quotas: {accessPoints: 5, reserve: 0}
    %s
database: {url: "sqlite:%s"}
log: {format: text, level: ERROR}
`, in.Region, in.AccountID, in.BucketName, in.KMSKeyARN, in.APPrefix, in.BaseRoleName, in.SessionPolicyPrefix,
		in.BackendRoleName, in.ControlplaneRoleName, in.CASRoleName, in.OperatorARNs[0], s.endpoint,
		strings.Join(more, "\n    "), filepath.Join(s.dir, "managedcas.db"))
	must(t, os.WriteFile(s.config, []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(s.dir, "good.yaml"), []byte(text), 0o600))
}

// administrator is the environment of an operator's shell: the fixes of findings, and the
// aws CLI, find all that they need in it.
func (s *site) administrator() []string {
	return append(s.shell(), "AWS_ACCESS_KEY_ID="+s.accessKeyID, "AWS_SECRET_ACCESS_KEY="+s.secretAccessKey)
}

func (s *site) shell() []string {
	in := s.in
	return []string{
		"PATH=" + programs + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + s.dir,
		"AWS_ENDPOINT_URL=" + s.endpoint, "HTTP_PROXY=" + s.endpoint, "http_proxy=" + s.endpoint, "NO_PROXY=",
		"AWS_DEFAULT_REGION=" + region, "AWS_REGION=" + region, "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"ACCOUNT=" + accountID, "BUCKET=" + in.BucketName, "KEY=" + in.KMSKeyARN, "BASE=" + in.BaseRoleName,
		"BACKEND=" + in.BackendRoleName, "CONTROLPLANE=" + in.ControlplaneRoleName, "CAS=" + in.CASRoleName,
	}
}

// pod is the environment that EKS Pod Identity gives a workload.
func (s *site) pod(t *testing.T, workload string, disableTags bool) []string {
	t.Helper()
	var said struct {
		URI   string `json:"AWS_CONTAINER_CREDENTIALS_FULL_URI"`
		Token string `json:"AWS_CONTAINER_AUTHORIZATION_TOKEN"`
	}
	s.administer(t, http.MethodPut, "/_aws/pod-identity/associations", map[string]any{
		// Names are short: session tags are made of them, and nearly too large as it is.
		"cluster": "prod", "namespace": "cas", "serviceAccount": cmp.Or(s.serviceAccounts[workload], workload[:3]),
		"roleArn": s.roleOf(workload), "disableSessionTags": disableTags,
	}, &said)
	return []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + said.URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN=" + said.Token,
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + s.dir,
	}
}

func (s *site) roleOf(workload string) string {
	return "arn:aws:iam::" + accountID + ":role/managedcas-" + workload
}

// administer asks for what EKS does, as root.
func (s *site) administer(t *testing.T, method, path string, request, answer any) {
	t.Helper()
	body, err := json.Marshal(request)
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, s.endpoint+path, bytes.NewReader(body))
	must(t, err)
	r.SetBasicAuth(s.accessKeyID, s.secretAccessKey)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNoContent && answer == nil:
	case res.StatusCode != http.StatusOK:
		t.Fatalf("%s %s: %s", method, path, res.Status)
	default:
		must(t, json.NewDecoder(res.Body).Decode(answer))
	}
}

// as is the environment of whoever runs the doctor.
func (s *site) as(t *testing.T, who string) []string {
	t.Helper()
	if who == "administrator" {
		return s.administrator()
	}
	return s.pod(t, who, s.noTags)
}

// doctor runs the doctor; the embedded AWS knows of a change at once.
func (s *site) doctor(t *testing.T, environment []string, args ...string) (doctor.Report, int) {
	t.Helper()
	args = append([]string{"doctor", "--config", s.config, "-o", "json", "--patience", "0s"}, args...)
	out, errs, code := s.run(t, environment, filepath.Join(programs, "managedcasd"), args...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, out, errs)
	}
	return report, code
}

// sh runs lines of a shell in the site's directory, as an administrator.
func (s *site) sh(t *testing.T, lines ...string) {
	t.Helper()
	out, errs, code := s.run(t, s.administrator(), "sh", "-eu", "-c", prelude+strings.Join(lines, "\n"))
	if code != 0 {
		t.Fatalf("%s\nexit code %d: %s%s", strings.Join(lines, "\n"), code, out, errs)
	}
}

// prelude are functions with which rows change documents: what a person would do by hand.
const prelude = `
edit_bucket_policy() { aws s3api get-bucket-policy --bucket $BUCKET --query Policy --output text | sed "$1" >edited; aws s3api put-bucket-policy --bucket $BUCKET --policy file://edited; }
edit_key_policy() { aws kms get-key-policy --key-id $KEY --query Policy --output text | sed "$1" >edited; aws kms put-key-policy --key-id $KEY --policy-name default --policy file://edited; }
edit_trust() { aws iam get-role --role-name $1 --query Role.AssumeRolePolicyDocument --output json | tr -d '\n' | sed "$2" >edited; aws iam update-assume-role-policy --role-name $1 --policy-document file://edited; }
edit_permissions() { aws iam get-role-policy --role-name $1 --policy-name managedcas --query PolicyDocument --output json | tr -d '\n' | sed "$2" >edited; aws iam put-role-policy --role-name $1 --policy-name managedcas --policy-document file://edited; }
`

func (s *site) must(t *testing.T, environment []string, program string, args ...string) string {
	t.Helper()
	out, errs, code := s.run(t, environment, program, args...)
	if code != 0 {
		t.Fatalf("%s %v: exit code %d\n%s%s", program, args, code, out, errs)
	}
	return out
}

func (s *site) run(t *testing.T, environment []string, program string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if program == "managedcasd" {
		program = filepath.Join(programs, program)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = environment, s.dir, &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	must(t, err)
	return out.String(), errs.String(), 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file writes a file into the site's directory.
func (s *site) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func document(t *testing.T, d *iam.Document) string {
	t.Helper()
	text, err := json.Marshal(d)
	must(t, err)
	return string(text)
}
