package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
)

const (
	account = "123456789012"
	region  = "us-west-2"
)

func open(t *testing.T, dir string) *emulator.AWS {
	t.Helper()
	a, err := emulator.Open(emulator.Config{Dir: dir, AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// start serves a new account and returns the SDK's configuration for its root user,
// as stock clients have it: the endpoint, which is also their proxy.
func start(t *testing.T) (*emulator.AWS, *httptest.Server, aws.Config) {
	t.Helper()
	a := open(t, t.TempDir())
	srv := httptest.NewUnstartedServer(a)
	srv.Config = a.Server()
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	root := a.RootCredentials()
	return a, srv, clientConfig(t, srv, credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""))
}

func clientConfig(t *testing.T, srv *httptest.Server, provider aws.CredentialsProvider) aws.Config {
	t.Helper()
	proxy, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: region, BaseEndpoint: &srv.URL, Credentials: provider,
		HTTPClient: &http.Client{Transport: transport},
		Retryer:    func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

// TestServicesAnswerTheSDK reaches every service as a stock client does.
func TestServicesAnswerTheSDK(t *testing.T) {
	t.Parallel()
	_, _, cfg := start(t)
	ctx := t.Context()
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(id.Arn); got != "arn:aws:iam::"+account+":root" {
		t.Errorf("root is %s", got)
	}
	if _, err := iam.NewFromConfig(cfg).ListRoles(ctx, nil); err != nil {
		t.Errorf("iam: %v", err)
	}
	if _, err := kms.NewFromConfig(cfg).ListKeys(ctx, nil); err != nil {
		t.Errorf("kms: %v", err)
	}
	if _, err := secretsmanager.NewFromConfig(cfg).ListSecrets(ctx, nil); err != nil {
		t.Errorf("secretsmanager: %v", err)
	}
	// S3 Control's host has the account before an IP address, which only a proxy can
	// resolve.
	if _, err := s3control.NewFromConfig(cfg).ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: aws.String(account)}); err != nil {
		t.Errorf("s3control: %v", err)
	}
}

func TestForgedCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	a, srv, _ := start(t)
	root := a.RootCredentials()
	for _, tc := range []struct {
		key, secret, token string
		sts, kms, control  string
	}{
		{root.AccessKeyID, "guess", "", "SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"},
		{"AKIAIOSFODNN7EXAMPLE", root.SecretAccessKey, "", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"},
		{root.AccessKeyID, root.SecretAccessKey, "token", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"},
		{"ASIAIOSFODNN7EXAMPLE", "guess", "token", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"},
	} {
		cfg := clientConfig(t, srv, credentials.NewStaticCredentialsProvider(tc.key, tc.secret, tc.token))
		_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		if code(err) != tc.sts {
			t.Errorf("sts: %v, want %s", err, tc.sts)
		}
		_, err = kms.NewFromConfig(cfg).ListKeys(t.Context(), nil)
		if code(err) != tc.kms {
			t.Errorf("kms: %v, want %s", err, tc.kms)
		}
		_, err = secretsmanager.NewFromConfig(cfg).ListSecrets(t.Context(), nil)
		if code(err) != tc.kms {
			t.Errorf("secretsmanager: %v, want %s", err, tc.kms)
		}
		_, err = s3control.NewFromConfig(cfg).ListAccessPoints(t.Context(), &s3control.ListAccessPointsInput{AccountId: aws.String(account)})
		if code(err) != tc.control {
			t.Errorf("s3control: %v, want %s", err, tc.control)
		}
	}
}

const podTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`

// TestPodIdentity goes the whole way of a pod: environment, endpoint, trust policy,
// session.
func TestPodIdentity(t *testing.T) {
	t.Parallel()
	a, srv, cfg := start(t)
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("backend"), AssumeRolePolicyDocument: aws.String(podTrust),
	})
	if err != nil {
		t.Fatal(err)
	}
	pod := func(association podidentity.Association) aws.Config {
		access, err := a.PodIdentity().Associate(association)
		if err != nil {
			t.Fatal(err)
		}
		provider := endpointcreds.New(srv.URL+access.Path, func(o *endpointcreds.Options) {
			o.AuthorizationToken = access.AuthorizationToken
			o.Retryer = aws.NopRetryer{}
		})
		return clientConfig(t, srv, provider)
	}
	backend := podidentity.Association{Cluster: "c", Namespace: "n", ServiceAccount: "backend", RoleARN: *role.Role.Arn}
	id, err := sts.NewFromConfig(pod(backend)).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(id.Arn); !strings.HasPrefix(got, "arn:aws:sts::"+account+":assumed-role/backend/eks-c-backend-0-") {
		t.Errorf("the pod is %s", got)
	}

	backend.ServiceAccount, backend.RoleARN = "other", "arn:aws:iam::"+account+":role/nobody"
	if _, err := sts.NewFromConfig(pod(backend)).GetCallerIdentity(t.Context(), nil); err == nil {
		t.Error("a role that does not exist was assumed")
	}
	denied := a.Journal().Entries(journal.Filter{Service: "sts", Operation: "AssumeRole", Code: "AccessDenied"})
	if len(denied) != 1 || denied[0].Caller != "pods.eks.amazonaws.com" || denied[0].Resource != backend.RoleARN {
		t.Errorf("the denial is not in the journal: %+v", denied)
	}
}

// TestDefaultChainFindsPodIdentity: the environment of a pod is all that an SDK
// needs.
func TestDefaultChainFindsPodIdentity(t *testing.T) {
	a, srv, cfg := start(t)
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("backend"), AssumeRolePolicyDocument: aws.String(podTrust),
	})
	if err != nil {
		t.Fatal(err)
	}
	access, err := a.PodIdentity().Associate(podidentity.Association{Cluster: "c", Namespace: "n", ServiceAccount: "s", RoleARN: *role.Role.Arn})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
		"AWS_REGION": region, "AWS_ENDPOINT_URL": srv.URL,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": srv.URL + access.Path,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN":  access.AuthorizationToken,
	} {
		t.Setenv(name, value)
	}
	found, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sts.NewFromConfig(found).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestEverythingLasts: root's credentials, roles and sessions survive a restart.
func TestEverythingLasts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, dir)
	root := a.RootCredentials()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = open(t, dir)
	defer a.Close()
	if a.RootCredentials() != root || !strings.HasPrefix(root.AccessKeyID, "AKIA") || root.SecretAccessKey == "" {
		t.Errorf("root was %v, is %v", root, a.RootCredentials())
	}
	if other := open(t, t.TempDir()); other.RootCredentials() == root || other.Close() != nil {
		t.Error("two accounts share credentials")
	}
	if text := fmt.Sprintf("%v %+v %s", root, root, root); strings.Contains(text, root.SecretAccessKey) {
		t.Error("credentials print their secret")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]emulator.Config{
		"another account": {Dir: dir, AccountID: "999999999999", Region: region},
		"another region":  {Dir: dir, AccountID: account, Region: "eu-west-1"},
		"short account":   {Dir: t.TempDir(), AccountID: "1234", Region: region},
		"no region":       {Dir: t.TempDir(), AccountID: account},
	} {
		if a, err := emulator.Open(cfg); err == nil {
			t.Errorf("%s: opened (closing: %v)", name, a.Close())
		}
	}
	a := open(t, dir) // a refused opening leaves nothing locked
	defer a.Close()
	if again, err := emulator.Open(emulator.Config{Dir: dir, AccountID: account, Region: region}); err == nil {
		t.Errorf("opened twice (closing: %v)", again.Close())
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	_, srv, _ := start(t)
	status, body := get(t.Context(), t, srv.URL+"/_aws/health")
	var health struct{ Status, AccountID, Region string }
	if err := json.Unmarshal(body, &health); err != nil || status != 200 || health.Status != "ok" || health.Region != region {
		t.Errorf("%d %s (%v)", status, body, err)
	}
}

// TestTenAtOnce: no state is shared between accounts in one process.
func TestTenAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		t.Run("account", func(t *testing.T) {
			t.Parallel()
			a, srv, cfg := start(t)
			for range 5 {
				if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := a.Journal().Entries(journal.Filter{Operation: "GetCallerIdentity"}); len(got) != 5 {
				t.Errorf("%d entries in the journal", len(got))
			}
			if status, body := get(t.Context(), t, srv.URL+"/_aws/journal?operation=GetCallerIdentity&limit=1"); status != 200 || strings.Contains(string(body), a.RootCredentials().SecretAccessKey) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func get(ctx context.Context, t *testing.T, url string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}
