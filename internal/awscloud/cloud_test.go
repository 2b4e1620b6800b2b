package awscloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// I2: STS would hand out the whole role; this refuses without asking.
func TestI2NoSessionWithoutItsPolicy(t *testing.T) {
	t.Parallel()
	c := at(t, func(http.ResponseWriter, *http.Request) { t.Error("STS was asked") })
	whole := session.Request{
		RoleARN: "arn:aws:iam::123456789012:role/tenant", SessionName: "cas-x",
		Policy: tenancy.PassedPolicy{ARN: "arn:aws:iam::123456789012:policy/cas-x"}, Tags: map[string]string{"org": "x"}, Lifetime: time.Hour,
	}
	for name, spoil := range map[string]func(*session.Request){
		"policy":     func(r *session.Request) { r.Policy.ARN = "" },
		"one of two": func(r *session.Request) { r.Policy.Text = "{}" },
		"name":       func(r *session.Request) { r.SessionName = "" },
		"tags":       func(r *session.Request) { r.Tags = nil },
	} {
		req := whole
		spoil(&req)
		if got, err := c.AssumeRole(t.Context(), req); err == nil {
			t.Errorf("without %s: %v", name, got)
		}
	}
}

func TestAssumeRoleSendsThePolicyAndTheTag(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		for field, want := range map[string]string{
			"Action": "AssumeRole", "RoleSessionName": "cas-x", "DurationSeconds": "3600",
			"PolicyArns.member.1.arn": "arn:aws:iam::123456789012:policy/cas-x",
			"Tags.member.1.Key":       "org", "Tags.member.1.Value": "x",
		} {
			if got := r.FormValue(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>hush</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	})
	got, err := c.AssumeRole(t.Context(), session.Request{
		RoleARN: "arn:aws:iam::123456789012:role/tenant", SessionName: "cas-x",
		Policy: tenancy.PassedPolicy{ARN: "arn:aws:iam::123456789012:policy/cas-x"}, Tags: map[string]string{"org": "x"}, Lifetime: time.Hour,
	})
	want := session.Credentials{
		AccessKeyID: "ASIA1", SecretAccessKey: "hush", SessionToken: "tok",
		Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	if err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
}

// Throttling is retried within the call, a bounded number of times.
func TestThrottlingIsRetriedAFewTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		c := over(t, func(*http.Request) (int, string) {
			calls++
			return http.StatusBadRequest, "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>R</RequestId></ErrorResponse>"
		})
		_, err := c.Identity(t.Context())
		if !errors.Is(err, cloud.ErrThrottled) || !cloud.Transient(err) || calls != 4 {
			t.Errorf("%v after %d calls, want cloud.ErrThrottled after 4", err, calls)
		}
	})
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := over(t, func(*http.Request) (int, string) {
		cancel()
		return 0, "" // a network may notice before the caller does, or after
	})
	_, err := c.Role(ctx, "tenant")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, cloud.ErrUnavailable) {
		t.Error("the caller gave up; AWS is not to blame")
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := over(t, func(*http.Request) (int, string) { return 0, "" })
		if _, err := c.Identity(t.Context()); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("got %v, want cloud.ErrUnavailable", err)
		}
	})
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, ok := range map[string]bool{
		"":                        true,
		"http://127.0.0.1:4566":   true,
		"http://127.0.0.1:4566/":  true,
		"https://aws.test:4566":   true,
		"http://10.0.0.1:4566":    false, // credentials and artifacts in clear
		"http://localhost:4566":   false, // the SDK makes buckets its subdomains (facts CLIENTS §1)
		"http://[::1]:4566":       false, // the SDK refuses ARNs there (facts CLIENTS §1)
		"127.0.0.1:4566":          false,
		"ftp://127.0.0.1:21":      false,
		"http://u:p@127.0.0.1:80": false,
		"http://127.0.0.1":        false,
	} {
		_, err := awscloud.NewTransport(endpoint)
		_, shared := awscloud.New(t.Context(), awscloud.Config{
			Region: region, Endpoint: endpoint, Transport: transport(nil), Credentials: awscloud.StaticCredentials("a", "b"),
		})
		if (err == nil) != ok || (shared == nil) != ok {
			t.Errorf("%q: %v; with a transport: %v", endpoint, err, shared)
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%v shows a password", err)
		}
	}
}

// I11: credentials that are formatted by accident leak nothing.
func TestCredentialsPrintWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []awscloud.Credentials{
		awscloud.StaticCredentials("AKIA1", "hush"),
		awscloud.ContainerCredentials("http://127.0.0.1:1/creds", "hush"),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, c); strings.Contains(text, "hush") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
		if strings.Contains(c.LogValue().String(), "hush") {
			t.Error("logs its secret")
		}
	}
}

func TestContainerCredentialsSendTheirToken(t *testing.T) {
	t.Parallel()
	var asked, used string
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account,
		Credentials: awscloud.ContainerCredentials("http://127.0.0.1:1/creds", "tok"),
		Transport: transport(func(r *http.Request) (int, string) {
			if r.URL.Path == "/creds" {
				asked = r.Header.Get("Authorization")
				return http.StatusOK, `{"AccessKeyId":"ASIA9","SecretAccessKey":"s","Token":"t","Expiration":"2100-01-01T00:00:00Z"}`
			}
			used = r.Header.Get("Authorization")
			return http.StatusOK, "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := c.Identity(t.Context()); err != nil || id.AccountID != "1" {
		t.Fatal(id, err)
	}
	if asked != "tok" || !strings.Contains(used, "ASIA9/") {
		t.Errorf("asked with %q, signed with %q", asked, used)
	}
}

// over returns a Cloud without a network: answer gives a status and a body, or status
// 0 for a connection that breaks.
func over(t *testing.T, answer transport) *awscloud.Cloud {
	t.Helper()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Transport: answer,
		Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type transport func(*http.Request) (status int, body string)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// A default chain that asks STS for its credentials asks at the endpoint as well: here
// a profile with role_arn. The test sets the environment of the process, so it is alone.
func TestTheDefaultChainUsesTheEndpoint(t *testing.T) { //nolint:paralleltest // see above
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.FormValue("Action"))
		if r.FormValue("Action") == "AssumeRole" {
			_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>hush</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>2100-01-02T03:04:05Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`)
			return
		}
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>
<UserId>AROA:s</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "config")
	const text = `[profile ops]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = secret
[profile backend]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = ops
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": file, "AWS_SHARED_CREDENTIALS_FILE": file, "AWS_PROFILE": "backend",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	for range 2 {
		calls = nil
		c, err := awscloud.New(t.Context(), awscloud.Config{Region: region, AccountID: account, Endpoint: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Identity(t.Context()); err != nil || strings.Join(calls, " ") != "AssumeRole GetCallerIdentity" {
			t.Errorf("calls %q, %v", calls, err)
		}
		t.Setenv("AWS_ENDPOINT_URL", server.URL) // which has the SDK itself ask the real STS
	}
}
