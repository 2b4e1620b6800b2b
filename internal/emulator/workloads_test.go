package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/managedcas/managedcas/internal/emulator"
)

// administer sends a document to an admin endpoint as curl -u does.
func administer(t *testing.T, method, url string, as emulator.Credentials, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if as.AccessKeyID != "" {
		r.SetBasicAuth(as.AccessKeyID, as.SecretAccessKey)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// TestAssociateFromOutside: what the endpoint answers is the environment of a pod, and
// the role's trust policy decides as in a cluster.
func TestAssociateFromOutside(t *testing.T) {
	t.Parallel()
	a, srv, cfg := start(t)
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("backend"), AssumeRolePolicyDocument: aws.String(podTrust),
	})
	if err != nil {
		t.Fatal(err)
	}
	status, body := administer(t, "PUT", srv.URL+"/_aws/pod-identity/associations", a.RootCredentials(),
		`{"cluster":"c","namespace":"n","serviceAccount":"backend","roleArn":"`+*role.Role.Arn+`"}`)
	var env map[string]string
	if err := json.Unmarshal([]byte(body), &env); err != nil || status != 200 {
		t.Fatalf("%d %s (%v)", status, body, err)
	}
	provider := endpointcreds.New(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], func(o *endpointcreds.Options) {
		o.AuthorizationToken = env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
		o.Retryer = aws.NopRetryer{}
	})
	id, err := sts.NewFromConfig(clientConfig(t, srv, provider)).GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.Contains(aws.ToString(id.Arn), ":assumed-role/backend/eks-c-backend-0-") {
		t.Errorf("the pod is %v: %v", id, err)
	}
}

// TestTokenFromOutside: the token is worth a session once its issuer is registered, and
// not before.
func TestTokenFromOutside(t *testing.T) {
	t.Parallel()
	a, srv, cfg := start(t)
	status, body := administer(t, "POST", srv.URL+"/_aws/oidc/outside/tokens", a.RootCredentials(), `{"namespace":"cas","serviceAccount":"controlplane","expirationSeconds":3600}`)
	var got struct{ Issuer, Token string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatalf("%d %s (%v)", status, body, err)
	}
	if issuer, err := a.IRSA().Issuer("outside"); err != nil || got.Issuer != issuer {
		t.Fatalf("issuer %s, want %s (%v)", got.Issuer, issuer, err)
	}
	assume := func(role string) error {
		_, err := stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(cfg), role, identityToken(got.Token)).Retrieve(t.Context())
		return err
	}
	if err := assume("arn:aws:iam::" + account + ":role/controlplane"); err == nil {
		t.Error("a token of an issuer that is not registered was accepted")
	}
	if err := assume(workloadRole(t, a, cfg, "outside")); err != nil {
		t.Error(err)
	}
}

type identityToken string

func (i identityToken) GetIdentityToken() ([]byte, error) { return []byte(i), nil }

// TestWorkloadsAreForRoot: what these endpoints hand out is worth a role's credentials.
func TestWorkloadsAreForRoot(t *testing.T) {
	t.Parallel()
	a, srv, cfg := start(t)
	root := a.RootCredentials()
	if _, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(podTrust),
	}); err != nil {
		t.Fatal(err)
	}
	forged := emulator.Credentials{AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey[1:]}
	const associations, tokens = "/_aws/pod-identity/associations", "/_aws/oidc/c/tokens"
	const associate = `{"cluster":"c","namespace":"n","serviceAccount":"s","roleArn":"arn:aws:iam::123456789012:role/r"}`
	for name, tc := range map[string]struct {
		method, path, body string
		as                 emulator.Credentials
		want               int
	}{
		"nobody associates":       {"PUT", associations, associate, emulator.Credentials{}, 401},
		"a forger associates":     {"PUT", associations, associate, forged, 401},
		"root associates":         {"PUT", associations, associate, root, 200},
		"another method":          {"GET", associations, "", root, 405},
		"a misspelt field":        {"PUT", associations, strings.Replace(associate, "roleArn", "roleARNs", 1), root, 400},
		"no role":                 {"PUT", associations, strings.Replace(associate, "arn:aws", "role", 1), root, 400},
		"a role that is not":      {"PUT", associations, strings.Replace(associate, "role/r", "role/x", 1), root, 400},
		"a role's name with path": {"PUT", associations, strings.Replace(associate, "role/r", "role/x/r", 1), root, 400},
		"two documents":           {"PUT", associations, associate + associate, root, 400},
		"nobody gets a token":     {"POST", tokens, `{"namespace":"n","serviceAccount":"s"}`, emulator.Credentials{}, 401},
		"a forger gets a token":   {"POST", tokens, `{"namespace":"n","serviceAccount":"s"}`, forged, 401},
		"root gets a token":       {"POST", tokens, `{"namespace":"n","serviceAccount":"s"}`, root, 200},
		"no namespace":            {"POST", tokens, `{"serviceAccount":"s"}`, root, 400},
		"a token for a minute":    {"POST", tokens, `{"namespace":"n","serviceAccount":"s","expirationSeconds":60}`, root, 400},
		"a token for ages":        {"POST", tokens, `{"namespace":"n","serviceAccount":"s","expirationSeconds":9000000000}`, root, 400},
		"a cluster that is not":   {"POST", "/_aws/oidc/a%20b/tokens", `{"namespace":"n","serviceAccount":"s"}`, root, 400},
		"a document, by anybody":  {"GET", "/_aws/oidc/none/keys", "", emulator.Credentials{}, 404},
		"a request that is large": {"PUT", associations, strings.Repeat(" ", 1<<17), root, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := administer(t, tc.method, srv.URL+tc.path, tc.as, tc.body)
			if status != tc.want {
				t.Errorf("%d %s, want %d", status, body, tc.want)
			}
			if strings.Contains(body, "InternalServer") || strings.Contains(body, root.SecretAccessKey) {
				t.Errorf("%s", body)
			}
		})
	}
}
