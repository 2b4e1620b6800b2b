package rollout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/managedcas/managedcas/test/process"
)

// reader follows the guide in a directory, as an administrator of the account who is not root.
type reader struct {
	t        *testing.T
	dir      string
	programs string
	account  *account
	keys     []string // variables with the administrator's credentials
	who      string   // how pods get their identity: a purpose of blocks
	pod      []string // variables with the backend's credentials
	more     []string // other variables
}

// The aws of the reader: some versions do not read AWS_ENDPOINT_URL, and EKS is not among the
// services of the embedded AWS. What EKS was asked for is written down.
const awsScript = `#!/bin/sh
case "$1 $2" in
"eks describe-cluster") echo "$TEST_ISSUER" ;;
eks*) echo "$@" >>eks-calls ;;
*) exec "$TEST_AWS" --endpoint-url "$TEST_ENDPOINT" "$@" ;;
esac
`

// The kubectl of the reader knows one thing: kubectl --namespace N exec deployment/managedcas-ROLE
// -- COMMAND, which is a process here, with the environment and the files of the role's pod.
const kubectlScript = `#!/bin/sh
[ "$3 $5" = "exec --" ] || { echo "kubectl $*: there is no cluster" >&2; exit 1; }
role=${4#deployment/managedcas-}
shift 5
exec env -i "PATH=$PATH" $(cat "pods/$role") $(echo "$@" | sed "s|/etc/managedcas/|$(cat pods/node)/$role/etc/managedcas/|g")
`

func newReader(t *testing.T, programs string, a *account, who string) *reader {
	t.Helper()
	cli, err := exec.LookPath("aws")
	must(t, err)
	r := &reader{t: t, dir: t.TempDir(), programs: programs, account: a, who: who}
	bin := filepath.Join(r.dir, "bin")
	must(t, os.Mkdir(bin, 0o700))
	must(t, os.WriteFile(filepath.Join(bin, "aws"), []byte(awsScript), 0o700))
	must(t, os.WriteFile(filepath.Join(bin, "kubectl"), []byte(kubectlScript), 0o700))
	r.more = []string{
		"HOME=" + r.dir, "PATH=" + bin + ":" + programs + ":" + os.Getenv("PATH"), "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"TEST_AWS=" + cli, "TEST_ENDPOINT=" + a.Endpoint, "HTTP_PROXY=" + a.Endpoint, "http_proxy=" + a.Endpoint,
	}
	r.keys = a.administrator(t, "operator")
	return r
}

// sees has the reader reach the roles of a site, as their pods and as their client.
func (r *reader) sees(s *site, up *running) {
	r.t.Helper()
	pods := map[string]string{"node": s.node.dir}
	for role := range s.manifests.deployments {
		pods[role] = strings.Join(s.environment(role), "\n")
	}
	r.write(filepath.Join(r.dir, "pods"), pods)
	r.pod = s.account.credentials(r.t, s.identities["managedcas-backend"])
	for _, variable := range up.environment {
		if !strings.HasPrefix(variable, "HOME=") && !strings.HasPrefix(variable, "CHAINLOOP_TOKEN=") { // the reader gets one
			r.more = append(r.more, variable)
		}
	}
}

// administrator makes a user who may do everything that policies let an administrator do.
func (a *account) administrator(t *testing.T, name string) (variables []string) {
	t.Helper()
	_, err := a.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	must(t, err)
	_, err = a.iam.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{
		UserName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	})
	must(t, err)
	key, err := a.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	must(t, err)
	return []string{"AWS_ACCESS_KEY_ID=" + *key.AccessKey.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *key.AccessKey.SecretAccessKey}
}

// save writes the files of the page. Three things are not as they would be at AWS: where AWS
// is; that the embedded one speaks plain HTTP, which the bucket policy has to let through on
// loopback (decision 002); and that an old aws CLI cannot block SSE-C.
func (r *reader) save(page []block) {
	r.t.Helper()
	saved := files(page)
	instead := func(file, from, to string) {
		if !strings.Contains(saved[file], from) {
			r.t.Fatalf("there is no %s in %s of the guide", from, file)
		}
		saved[file] = strings.Replace(saved[file], from, to, 1)
	}
	instead("managedcas.in.yaml", "enabled: true\n", "enabled: true\n    endpoint: "+r.account.Endpoint+"\n")
	instead("bucket-policy.json", `{"aws:SecureTransport": "false"}`, `{"aws:SecureTransport": "false"}, "NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}`)
	if r.old() {
		instead("encryption.json", `"BucketKeyEnabled": true,`, `"BucketKeyEnabled": true`)
		instead("encryption.json", `"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}`, "")
	}
	r.write(r.dir, saved)
}

func (r *reader) write(dir string, files map[string]string) {
	r.t.Helper()
	must(r.t, os.MkdirAll(dir, 0o700))
	for name, text := range files {
		must(r.t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

// old reports whether the aws CLI is of a time before S3 could block SSE-C (November 2025: 1.43
// and 2.32), as Debian 12's is.
func (r *reader) old() bool {
	r.t.Helper()
	var major, minor int
	version := r.shell(nil, "aws --version 2>&1")
	if _, err := fmt.Sscanf(version, "aws-cli/%d.%d.", &major, &minor); err != nil {
		r.t.Fatalf("%q: %v", version, err)
	}
	return major == 1 && minor < 43 || major == 2 && minor < 32
}

// follow does what blocks say and returns what was printed. Those for a cluster, and for
// another identity of pods, are left out.
func (r *reader) follow(blocks []block) string {
	r.t.Helper()
	var said strings.Builder
	for _, b := range blocks {
		switch b.purpose {
		case "run", r.who:
			said.WriteString(r.shell(r.keys, b.text+keep))
		case "denied":
			r.denied(b.text)
		case "backend":
			said.WriteString(r.shell(r.pod, b.text))
		}
	}
	return said.String()
}

// keep is the end of a script whose exports the next one has.
const keep = "export -p >exported\n"

// command is a shell that knows what earlier ones exported, and has some credentials.
func (r *reader) command(credentials []string, script string) *exec.Cmd {
	var who strings.Builder
	for _, variable := range credentials {
		who.WriteString("export '" + variable + "'\n") // no credential has a quote
	}
	cmd := exec.CommandContext(r.t.Context(), "sh", "-eu", "-c", "[ ! -f exported ] || . ./exported\n"+who.String()+script)
	cmd.Dir, cmd.Env = r.dir, r.more
	return cmd
}

func (r *reader) shell(credentials []string, script string) string {
	r.t.Helper()
	cmd := r.command(credentials, script)
	var stderr process.Output
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%v: %s\nof\n%s", err, stderr.String(), script)
	}
	return string(out)
}

func (r *reader) denied(script string) {
	r.t.Helper()
	if out, err := r.command(r.keys, script).CombinedOutput(); err == nil || !strings.Contains(string(out), "(AccessDenied)") {
		r.t.Errorf("%s is not denied: %v\n%s", script, err, out)
	}
}

// value is what a block has exported.
func (r *reader) value(variable string) string {
	r.t.Helper()
	return strings.TrimSpace(r.shell(nil, `printf %s "$`+variable+`"`))
}

// eksAssociation is what the reader asks EKS for.
var eksAssociation = regexp.MustCompile(`--namespace (\S+) --disable-session-tags --service-account (\S+) --role-arn (\S+)`)

// identities are who pods are when the reader is done: what EKS was asked for, or what the
// chart has annotated.
func (r *reader) identities(accounts map[string]serviceAccount) map[string]identity {
	r.t.Helper()
	if annotated(accounts) {
		found, _ := r.account.tokens(r.t, accounts)
		return found
	}
	found := map[string]identity{}
	for _, call := range eksAssociation.FindAllStringSubmatch(read(r.t, filepath.Join(r.dir, "eks-calls")), -1) {
		found[call[2]] = r.account.associate(r.t, call[1], call[2], call[3])
	}
	return found
}

// credentials are what the SDK of a pod gets for its identity, for an aws CLI that is too old
// for files with tokens.
func (a *account) credentials(t *testing.T, i identity) (variables []string) {
	t.Helper()
	_, value, _ := strings.Cut(i.variables[0], "=")
	var provider aws.CredentialsProvider = endpointcreds.New(value, func(o *endpointcreds.Options) { o.AuthorizationToken = i.token })
	if i.tokenFile == "AWS_WEB_IDENTITY_TOKEN_FILE" {
		provider = stscreds.NewWebIdentityRoleProvider(sts.New(sts.Options{Region: a.Region, BaseEndpoint: &a.Endpoint}), value, token(i.token))
	}
	c, err := provider.Retrieve(t.Context())
	must(t, err)
	return []string{"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken}
}

type token string

func (t token) GetIdentityToken() ([]byte, error) { return []byte(t), nil }
