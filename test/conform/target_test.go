package conform_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/test/conform"
)

const (
	account = "123456789012"
	region  = "us-west-2"
)

// onAWS tells that the suite is to run on an AWS account and not on the embedded AWS.
// Any other value than "aws" is a mistake that must not pass for a run on AWS.
func onAWS(t *testing.T) bool {
	t.Helper()
	switch target := os.Getenv("CONFORM_TARGET"); target {
	case "", "embedded":
		return false
	case "aws":
		return true
	default:
		t.Fatalf("CONFORM_TARGET=%s: want aws, embedded, or nothing, which is the same", target)
		return false
	}
}

// TestConform runs the suite. Without an account it takes ten embedded ones, at once in
// this process: they share nothing.
func TestConform(t *testing.T) {
	t.Parallel()
	if onAWS(t) {
		conform.Run(t, realAccount(t))
		return
	}
	for i := range 10 {
		t.Run(fmt.Sprintf("embedded account %d", i), func(t *testing.T) {
			t.Parallel()
			conform.Run(t, start(t))
		})
	}
}

// TestProbe asks what AWS does where its documentation does not say (facts AWS §13). On
// an account it only tells; the embedded AWS must give its recorded answers.
func TestProbe(t *testing.T) {
	t.Parallel()
	if onAWS(t) {
		conform.Probe(t, realAccount(t), os.Stdout)
		return
	}
	for _, a := range conform.Probe(t, start(t), t.Output()) {
		if a.Observed != a.Embedded {
			t.Errorf("%s %s: observed %q, recorded %q", a.ID, a.Question, a.Observed, a.Embedded)
		}
	}
}

// realAccount is the account that the environment names; docs/conformance.md has the
// variables. The account's number must be given, so that the credentials at hand are
// not those of another account by accident.
func realAccount(t *testing.T) conform.Target {
	t.Helper()
	variable := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			t.Fatalf("CONFORM_TARGET=aws needs %s (docs/conformance.md)", name)
		}
		return value
	}
	patience := 2 * time.Minute
	if text := os.Getenv("CONFORM_PATIENCE"); text != "" {
		var err error
		if patience, err = time.ParseDuration(text); err != nil || patience < 0 {
			t.Fatalf("CONFORM_PATIENCE=%s: want a duration such as 2m", text)
		}
	}
	target := conform.Target{AccountID: variable("CONFORM_ACCOUNT"), Prefix: os.Getenv("CONFORM_BUCKET_PREFIX"), Patience: patience}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(variable("CONFORM_REGION")))
	if err != nil {
		t.Fatal(err)
	}
	target.Config = cfg
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatalf("asking who the credentials are: %v", err)
	}
	if *id.Account != target.AccountID {
		t.Fatalf("the credentials are of account %s, CONFORM_ACCOUNT is %s", *id.Account, target.AccountID)
	}
	target.AdministratorARN = principal(t, cfg, *id.Arn)
	return target
}

// principal is the user or role that trust policies must name: a role session is named
// by its role, whose path the session's ARN does not show.
func principal(t *testing.T, cfg aws.Config, caller string) string {
	t.Helper()
	parsed, err := arn.Parse(caller)
	if err != nil {
		t.Fatal(err)
	}
	switch kind, rest, _ := strings.Cut(parsed.Resource, "/"); kind {
	case "user":
		return caller
	case "assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		got, err := iam.NewFromConfig(cfg).GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role})
		if err != nil {
			t.Fatalf("looking up role %s: %v", role, err)
		}
		return *got.Role.Arn
	}
	t.Fatalf("%s cannot assume roles; use a user or a role session that is an administrator", caller)
	return ""
}

// start serves a new embedded account with an administrator in it.
func start(t *testing.T) conform.Target {
	t.Helper()
	a, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(a)
	srv.Config = a.Server()
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	proxy, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	root := a.RootCredentials()
	cfg := aws.Config{
		Region: region, BaseEndpoint: &srv.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials:                credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	}
	target := conform.Target{AccountID: account, Config: cfg}
	target.AdministratorARN, target.Config.Credentials = administrator(t, cfg)
	return target
}

func administrator(t *testing.T, root aws.Config) (string, aws.CredentialsProvider) {
	t.Helper()
	client := iam.NewFromConfig(root)
	user, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("administrator")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: user.User.UserName, PolicyName: aws.String("everything"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
	}); err != nil {
		t.Fatal(err)
	}
	key, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: user.User.UserName})
	if err != nil {
		t.Fatal(err)
	}
	return *user.User.Arn, credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}
