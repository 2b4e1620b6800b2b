package conform_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/test/conform"
)

const (
	account = "123456789012"
	region  = "us-west-2"
)

// TestEmbedded runs ten accounts at once in this process: they share nothing.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(fmt.Sprintf("account %d", i), func(t *testing.T) {
			t.Parallel()
			conform.Run(t, start(t))
		})
	}
}

// start serves a new account with an administrator in it.
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
