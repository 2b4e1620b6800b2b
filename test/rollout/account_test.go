package rollout

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// account is an embedded AWS account, a process of its own, with what its administrator can do.
type account struct {
	Endpoint, Region, AccountID  string
	AccessKeyID, SecretAccessKey string
	iam                          *iam.Client
}

func newAccount(t *testing.T, programs, id, region string) *account {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	p := start(t, programs, nil, "aws", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"),
		"--account", id, "--region", region, "--ready-file", ready)
	var said struct{ AWS account }
	p.MustBeReady(t, ready, &said)
	a := &said.AWS
	a.iam = iam.New(iam.Options{
		Region: region, BaseEndpoint: &a.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretAccessKey, ""),
	})
	return a
}

// provision makes what an installation needs, with the configuration that the chart rendered,
// and returns the key that AWS has made.
func (a *account) provision(t *testing.T, programs, config string, flags ...string) (kmsKeyARN string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "managedcas.yaml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	said := run(t, []string{"AWS_ACCESS_KEY_ID=" + a.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + a.SecretAccessKey},
		filepath.Join(programs, "managedcasd"), append([]string{"provision", "--config", file}, flags...)...)
	_, arn, found := strings.Cut(said, "kmsKeyArn: ")
	if !found {
		t.Fatalf("provision says\n%s", said)
	}
	arn, _, _ = strings.Cut(arn, "\n")
	return arn
}

// administer asks for what EKS does, or for what the account tells or does on request, as root.
func (a *account) administer(t *testing.T, method, path string, request, answer any) {
	t.Helper()
	body, err := json.Marshal(request)
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, a.Endpoint+path, bytes.NewReader(body))
	must(t, err)
	r.SetBasicAuth(a.AccessKeyID, a.SecretAccessKey)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	switch res.StatusCode {
	case http.StatusOK:
		must(t, json.Unmarshal(text, answer))
	case http.StatusNoContent:
	default:
		t.Fatalf("%s %s: %s %s", method, path, res.Status, text)
	}
}

// identity is what EKS gives the pods of a service account: variables, of which one names a
// file with a token.
type identity struct {
	variables []string
	tokenFile string // the name of the variable
	token     string
}

// in returns the environment of a pod whose token is in dir.
func (i identity) in(t *testing.T, dir string) []string {
	t.Helper()
	file := filepath.Join(dir, "token")
	must(t, os.WriteFile(file, []byte(i.token), 0o600))
	return append([]string{i.tokenFile + "=" + file}, i.variables...)
}

// association is the command of the chart's notes, as far as it says something.
var association = regexp.MustCompile(`--namespace (\S+) --disable-session-tags \\\n\s+--service-account (\S+) --role-arn (\S+)`)

// podIdentities does what the notes of the chart say, and returns identities by service account.
func (a *account) podIdentities(t *testing.T, notes string) map[string]identity {
	t.Helper()
	found := map[string]identity{}
	for _, command := range association.FindAllStringSubmatch(notes, -1) {
		found[command[2]] = a.associate(t, command[1], command[2], command[3])
	}
	return found
}

// associate is what EKS does for an association without session tags.
func (a *account) associate(t *testing.T, namespace, serviceAccount, role string) identity {
	t.Helper()
	var answer struct {
		URI   string `json:"AWS_CONTAINER_CREDENTIALS_FULL_URI"`
		Token string `json:"AWS_CONTAINER_AUTHORIZATION_TOKEN"`
	}
	a.administer(t, http.MethodPut, "/_aws/pod-identity/associations", map[string]any{
		"cluster": "prod", "namespace": namespace, "serviceAccount": serviceAccount, "roleArn": role, "disableSessionTags": true,
	}, &answer)
	return identity{
		variables: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + answer.URI},
		tokenFile: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token: answer.Token,
	}
}

// roleARN is the annotation that EKS's webhook reads.
const roleARN = "eks.amazonaws.com/role-arn"

// subject is a line of the chart's notes: a role, and whose its trust policy has to name.
var subject = regexp.MustCompile(`(arn:aws:iam::\d+:role/\S+)  (system:serviceaccount:\S+)`)

// serviceAccountRoles registers the cluster with IAM, has provision give the roles trust
// policies for the service accounts that the notes name, and these accounts get tokens.
func (a *account) serviceAccountRoles(t *testing.T, programs, config, notes string, accounts map[string]serviceAccount) map[string]identity {
	t.Helper()
	found, url := a.tokens(t, accounts)
	provider, err := a.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: &url, ClientIDList: []string{"sts.amazonaws.com"},
	})
	must(t, err)
	lines := subject.FindAllStringSubmatch(notes, -1)
	if len(lines) != 3 {
		t.Fatalf("the notes name %d service accounts:\n%s", len(lines), notes)
	}
	flags := []string{"--workload-identity", "irsa", "--oidc-provider-arn", *provider.OpenIDConnectProviderArn}
	for i, workload := range []string{"backend", "controlplane", "cas"} { // the order of the notes
		namespace, name, _ := strings.Cut(strings.TrimPrefix(lines[i][2], "system:serviceaccount:"), ":")
		flags = append(flags, "--namespace", namespace, "--service-accounts", workload+"="+name)
	}
	a.provision(t, programs, config, flags...)
	return found
}

// tokens is what EKS's webhook does for annotated service accounts, and the cluster's issuer.
func (a *account) tokens(t *testing.T, accounts map[string]serviceAccount) (found map[string]identity, issuer string) {
	t.Helper()
	found = map[string]identity{}
	for name, account := range accounts {
		var answer struct{ Issuer, Token string }
		a.administer(t, http.MethodPost, "/_aws/oidc/prod/tokens", map[string]any{
			"namespace": account.Metadata.Namespace, "serviceAccount": name,
		}, &answer)
		issuer = answer.Issuer
		found[name] = identity{
			variables: []string{"AWS_ROLE_ARN=" + account.Metadata.Annotations[roleARN]},
			tokenFile: "AWS_WEB_IDENTITY_TOKEN_FILE", token: answer.Token,
		}
	}
	return found, issuer
}

// roles returns the roles whose sessions have called an operation, from the account's journal.
func (a *account) roles(t *testing.T, operation string) []string {
	t.Helper()
	var journal struct{ Entries []struct{ Caller string } }
	a.administer(t, http.MethodGet, "/_aws/journal?operation="+operation, nil, &journal)
	found := map[string]bool{}
	for _, entry := range journal.Entries {
		if _, session, assumed := strings.Cut(entry.Caller, ":assumed-role/"); assumed { // EKS is another caller
			role, _, _ := strings.Cut(session, "/")
			found[role] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
