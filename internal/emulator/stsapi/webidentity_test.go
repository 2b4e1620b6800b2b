package stsapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
	"github.com/managedcas/managedcas/internal/emulator/stsapi"
	"github.com/managedcas/managedcas/internal/emulator/webidentity"
	"github.com/managedcas/managedcas/internal/iam"
)

const (
	issuerName = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
	provider   = "arn:aws:iam::111122223333:oidc-provider/" + issuerName
	workload   = "system:serviceaccount:cas:controlplane"
	webAction  = `"sts:AssumeRoleWithWebIdentity"`
	federated  = `{"Federated":"` + provider + `"}`
)

// signing is an issuer whose key STS knows.
type signing struct{ key *ecdsa.PrivateKey }

func newSigning(t *testing.T) signing {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signing{key}
}

func (s signing) Key(context.Context, webidentity.Provider, string) (*jose.JSONWebKey, error) {
	return &jose.JSONWebKey{Key: s.key.Public(), KeyID: "k"}, nil
}

// token is one of the workload, for an hour.
func (s signing) token(t *testing.T, issuer string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Subject: workload, Audience: jwt.Audience{"sts.amazonaws.com"},
		IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// cluster is an account with the issuer registered and a role W that trusts by policy.
func cluster(t *testing.T, policy string) (*identitytest.Account, signing) {
	t.Helper()
	s := newSigning(t)
	a := identitytest.New(t, identitytest.Config{STS: stsapi.Config{Keys: s}})
	a.Do(t, "CreateOpenIDConnectProvider", params{"Url": "https://" + issuerName, "ClientIDList.member.1": "sts.amazonaws.com"})
	a.CreateRole(t, "W", policy)
	return a, s
}

func assumeWeb(t *testing.T, a *identitytest.Account, token string, more params) identitytest.Answer {
	t.Helper()
	all := params{"RoleArn": identitytest.RoleARN("W"), "RoleSessionName": "pod", "WebIdentityToken": token}
	for name, value := range more {
		all[name] = value
	}
	return a.Call(t, a.STS, &api.Caller{Kind: api.Anonymous}, "AssumeRoleWithWebIdentity", all)
}

// Source: facts AWS §8 (trust policy of IRSA) and §4.5.
func TestWebIdentityTrust(t *testing.T) {
	t.Parallel()
	both := `{"StringEquals":{"` + issuerName + `:sub":"` + workload + `","` + issuerName + `:aud":"sts.amazonaws.com"}}`
	for _, row := range []struct {
		name, trust string
		denied      bool
	}{
		{"provider, subject and audience", trust(federated, webAction, both), false},
		{"provider alone", trust(federated, webAction, ""), false},
		{"the key's issuer has no case", trust(federated, webAction, strings.ReplaceAll(both, "EXAMPLE", "example")), false},
		{"session name", trust(federated, webAction, `{"StringEquals":{"sts:RoleSessionName":"pod"}}`), false},
		{"another service account", trust(federated, webAction, `{"StringEquals":{"`+issuerName+`:sub":"system:serviceaccount:cas:other"}}`), true},
		{"another audience", trust(federated, webAction, `{"StringEquals":{"`+issuerName+`:aud":"vault"}}`), true},
		{"keys of another cluster", trust(federated, webAction, strings.ReplaceAll(both, "EXAMPLE", "OTHER")), true},
		{"another provider", trust(strings.ReplaceAll(federated, "EXAMPLE", "OTHER"), webAction, ""), true},
		{"another action", trust(federated, onlyAssume, ""), true},
		{"the account", trust(theRoot, webAction, ""), true},
		{"a key that bearers of tokens do not have", trust(federated, webAction, `{"StringLike":{"aws:PrincipalArn":"*"}}`), true},
		{"denied by subject", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":` + federated + `,"Action":` + webAction + `},
			{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringLike":{"` + issuerName + `:sub":"system:serviceaccount:cas:*"}}}]}`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, s := cluster(t, row.trust)
			answer := assumeWeb(t, a, s.token(t, "https://"+issuerName), nil)
			if !row.denied {
				if answer.Err != nil {
					t.Error(answer.Err)
				}
				return
			}
			if answer.Code() != "AccessDenied" || answer.Err.Status != 403 || answer.Err.Message != "Not authorized to perform sts:AssumeRoleWithWebIdentity" {
				t.Errorf("got %v, want AccessDenied", answer.Err)
			}
		})
	}
}

type webSession struct {
	Subject  string `xml:"AssumeRoleWithWebIdentityResult>SubjectFromWebIdentityToken"`
	Audience string `xml:"AssumeRoleWithWebIdentityResult>Audience"`
	Provider string `xml:"AssumeRoleWithWebIdentityResult>Provider"`
	ARN      string `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
	ID       string `xml:"AssumeRoleWithWebIdentityResult>Credentials>AccessKeyId"`
	Token    string `xml:"AssumeRoleWithWebIdentityResult>Credentials>SessionToken"`
	Packed   *int   `xml:"AssumeRoleWithWebIdentityResult>PackedPolicySize"`
}

// Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// and, for the keys of the session,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif.
func TestWebIdentitySession(t *testing.T) {
	t.Parallel()
	a, s := cluster(t, trust(federated, webAction, ""))
	token := s.token(t, "https://"+issuerName)
	answer := assumeWeb(t, a, token, params{"DurationSeconds": "43200"}) // no role chaining: the role's limit holds
	if answer.Err != nil {
		t.Fatal(answer.Err)
	}
	var got webSession
	if err := xml.Unmarshal([]byte(answer.Body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Subject != workload || got.Audience != "sts.amazonaws.com" || got.Provider != provider || got.Packed != nil ||
		got.ARN != "arn:aws:sts::111122223333:assumed-role/W/pod" {
		t.Errorf("got %+v", got)
	}
	caller := a.Caller(t, got.ID, got.Token)
	if !caller.Chained() {
		t.Error("a role that this session assumes is no role chaining")
	}
	for key, value := range map[string]string{
		"aws:FederatedProvider": provider, issuerName + ":sub": workload, issuerName + ":aud": "sts.amazonaws.com",
	} {
		a.Do(t, "PutRolePolicy", params{"RoleName": "W", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"` + key + `":"` + value + `"}}}]}`})
		if err := a.Gate.Authorize(t.Context(), caller, gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID}); err != nil {
			t.Errorf("%s is not %s: %v", key, value, err)
		}
	}
	if got := answer.Request.Caller.ARN; got != provider {
		t.Errorf("the journal calls the caller %q", got)
	}
	if n := len(answer.Request.Decisions); n != 1 || answer.Request.Decisions[0].Result != iam.Allowed {
		t.Errorf("%d decisions", n)
	}
	// Session policies bind as those of AssumeRole do.
	scoped := assumeWeb(t, a, token, params{"Policy": identitytest.Allow("s3:ListBucket", "*")})
	if err := xml.Unmarshal([]byte(scoped.Body), &got); err != nil || got.Packed == nil {
		t.Fatalf("packed size %v, %v", got.Packed, err)
	}
	if caller := a.Caller(t, got.ID, got.Token); !caller.SessionPolicyPassed {
		t.Error("the session policy is lost")
	}
}

func TestWebIdentityRefuses(t *testing.T) {
	t.Parallel()
	a, s := cluster(t, trust(federated, webAction, ""))
	a.Do(t, "UpdateRole", params{"RoleName": "W", "MaxSessionDuration": "3600"})
	good := s.token(t, "https://"+issuerName)
	for _, row := range []struct {
		name  string
		token string
		more  params
		code  string
		text  string
	}{
		{"issuer that is not registered", s.token(t, "https://issuer.example"), nil, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example"},
		{"issuer in another spelling", s.token(t, "https://"+strings.ToLower(issuerName)), nil, "InvalidIdentityToken", "No OpenIDConnect provider"},
		{"issuer by http", s.token(t, "http://"+issuerName), nil, "InvalidIdentityToken", "No OpenIDConnect provider"},
		{"role of another account", good, params{"RoleArn": "arn:aws:iam::999999999999:role/W"}, "InvalidIdentityToken", "No OpenIDConnect provider"},
		{"forged", newSigning(t).token(t, "https://"+issuerName), nil, "InvalidIdentityToken", "signature"},
		{"no token", "", nil, "ValidationError", "webIdentityToken"},
		{"long token", strings.Repeat("x", 20_001), nil, "ValidationError", "webIdentityToken"},
		{"role that does not exist", good, params{"RoleArn": identitytest.RoleARN("nobody")}, "AccessDenied", "Not authorized"},
		{"longer than the role allows", good, params{"DurationSeconds": "3601"}, "ValidationError", "MaxSessionDuration"},
		{"longer than STS allows", good, params{"DurationSeconds": "43201"}, "ValidationError", "durationSeconds"},
		{"long inline policy", good, params{"Policy": strings.Repeat(" ", 2049)}, "ValidationError", "policy"},
		{"malformed inline policy", good, params{"Policy": "{}"}, "MalformedPolicyDocument", ""},
		{"missing session policy", good, params{"PolicyArns.member.1.arn": identitytest.PolicyARN("gone")}, "MalformedPolicyDocument", "gone"},
		{"login with Amazon", good, params{"ProviderId": "www.amazon.com"}, "NotImplemented", "ProviderId"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			answer := assumeWeb(t, a, row.token, row.more)
			if answer.Code() != row.code || !strings.Contains(answer.Err.Message, row.text) {
				t.Fatalf("got %v, want %s about %q", answer.Err, row.code, row.text)
			}
			if strings.Contains(answer.Body, good) {
				t.Error("the error repeats the token")
			}
		})
	}
}

// A provider that is deleted lets nobody in any more; sessions that it let begin go on.
func TestProviderIsGone(t *testing.T) {
	t.Parallel()
	a, s := cluster(t, trust(federated, webAction, ""))
	a.Do(t, "DeleteOpenIDConnectProvider", params{"OpenIDConnectProviderArn": provider})
	if answer := assumeWeb(t, a, s.token(t, "https://"+issuerName), nil); answer.Code() != "InvalidIdentityToken" {
		t.Errorf("got %v", answer.Err)
	}
}
