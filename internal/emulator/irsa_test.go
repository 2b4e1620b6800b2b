package emulator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// workloadRole registers the issuer of a cluster and makes a role that the service
// account cas/controlplane of that cluster may assume.
func workloadRole(t *testing.T, a *emulator.AWS, root aws.Config, cluster string) (roleARN string) {
	t.Helper()
	issuer, err := a.IRSA().Issuer(cluster)
	if err != nil {
		t.Fatal(err)
	}
	client := iam.NewFromConfig(root)
	provider, err := client.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: &issuer, ClientIDList: []string{irsa.DefaultAudience},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(issuer, "https://")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + *provider.OpenIDConnectProviderArn + `"},
		"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{
		"` + name + `:sub":"system:serviceaccount:cas:controlplane","` + name + `:aud":"sts.amazonaws.com"}}}]}`
	role, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("controlplane"), AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	return *role.Role.Arn
}

func token(t *testing.T, a *emulator.AWS, account irsa.ServiceAccount) string {
	t.Helper()
	text, err := a.IRSA().Token(account)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestDefaultChainFindsIRSA: what EKS puts into a pod is all that an SDK needs.
func TestDefaultChainFindsIRSA(t *testing.T) {
	a, srv, root := start(t)
	role := workloadRole(t, a, root, "prod")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token(t, a, irsa.ServiceAccount{Cluster: "prod", Namespace: "cas", Name: "controlplane"})), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
		// The Go SDK asks for credentials before it reads AWS_ENDPOINT_URL.
		"AWS_REGION": region, "AWS_ENDPOINT_URL": srv.URL, "AWS_ENDPOINT_URL_STS": srv.URL,
		"AWS_ROLE_ARN": role, "AWS_ROLE_SESSION_NAME": "controlplane-0", "AWS_WEB_IDENTITY_TOKEN_FILE": file,
	} {
		t.Setenv(name, value)
	}
	found, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := sts.NewFromConfig(found).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(id.Arn); got != "arn:aws:sts::"+account+":assumed-role/controlplane/controlplane-0" {
		t.Errorf("the pod is %s", got)
	}
}

// identity is the token of a service account as the SDK wants it.
type identity string

func (i identity) GetIdentityToken() ([]byte, error) { return []byte(i), nil }

func TestIRSARefusesOthers(t *testing.T) {
	t.Parallel()
	a, srv, root := start(t)
	role := workloadRole(t, a, root, "prod")
	for _, row := range []struct {
		name    string
		account irsa.ServiceAccount
		code    string
	}{
		{"another service account", irsa.ServiceAccount{Cluster: "prod", Namespace: "cas", Name: "backend"}, "AccessDenied"},
		{"another namespace", irsa.ServiceAccount{Cluster: "prod", Namespace: "default", Name: "controlplane"}, "AccessDenied"},
		{"another cluster", irsa.ServiceAccount{Cluster: "test", Namespace: "cas", Name: "controlplane"}, "InvalidIdentityToken"},
		{"another audience", irsa.ServiceAccount{Cluster: "prod", Namespace: "cas", Name: "controlplane", Audience: "vault"}, "InvalidIdentityToken"},
	} {
		provider := stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(clientConfig(t, srv, nil)), role, identity(token(t, a, row.account)))
		if _, err := provider.Retrieve(t.Context()); code(err) != row.code {
			t.Errorf("%s: got %v, want %s", row.name, err, row.code)
		}
	}
	denied := a.Journal().Entries(journal.Filter{Operation: "AssumeRoleWithWebIdentity", Code: "AccessDenied"})
	if len(denied) != 2 || !strings.Contains(denied[0].Caller, ":oidc-provider/") || len(denied[0].Decisions) != 1 {
		t.Errorf("the denials are not in the journal: %+v", denied)
	}
}

// TestClusterDocuments: a cluster keeps its issuer, whose documents are
// those of EKS.
func TestClusterDocuments(t *testing.T) {
	t.Parallel()
	a, srv, _ := start(t)
	issuer, err := a.IRSA().Issuer("prod")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.IRSA().Issuer("prod"); err != nil || again != issuer || !strings.HasPrefix(issuer, "https://oidc.eks."+region+".amazonaws.com/id/") {
		t.Errorf("the issuer was %s, is %s (%v)", issuer, again, err)
	}
	status, body := get(t.Context(), t, srv.URL+irsa.Path+"prod/.well-known/openid-configuration")
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil || status != 200 || document["issuer"] != issuer || document["jwks_uri"] != issuer+"/keys" {
		t.Errorf("%d %s (%v)", status, body, err)
	}
	status, body = get(t.Context(), t, srv.URL+irsa.Path+"prod/keys")
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil || status != 200 || len(set.Keys) != 1 || set.Keys[0]["d"] != nil || set.Keys[0]["alg"] != "RS256" {
		t.Errorf("%d %s (%v)", status, body, err)
	}
	if status, _ := get(t.Context(), t, srv.URL+irsa.Path+"other/keys"); status != 404 {
		t.Errorf("keys of a cluster that is not there: %d", status)
	}
	if _, err := a.IRSA().Issuer("a/b"); err == nil {
		t.Error("a name with a slash is a cluster")
	}
}
