package iamapi_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

const (
	eksIssuer   = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
	eksProvider = "arn:aws:iam::" + identitytest.ID + ":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
)

func ofProvider(more params) params { return with(more, "OpenIDConnectProviderArn", eksProvider) }

// Source: the operations' pages in https://docs.aws.amazon.com/IAM/latest/APIReference/.
func TestOpenIDConnectProvider(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	thumbprint := strings.Repeat("9E", 20)
	run(t, a, []step{
		{"GetOpenIDConnectProvider", ofProvider(nil), "NoSuchEntity", eksProvider},
		{"DeleteOpenIDConnectProvider", ofProvider(nil), "", ""},
		{"CreateOpenIDConnectProvider", params{
			"Url": eksIssuer, "ClientIDList.member.1": "sts.amazonaws.com", "ThumbprintList.member.1": thumbprint,
			"Tags.member.1.Key": "cluster", "Tags.member.1.Value": "prod",
		}, "", ""},
		{"CreateOpenIDConnectProvider", params{"Url": eksIssuer}, "EntityAlreadyExists", eksIssuer},
		{"AddClientIDToOpenIDConnectProvider", ofProvider(params{"ClientID": "vault"}), "", ""},
		{"AddClientIDToOpenIDConnectProvider", ofProvider(params{"ClientID": "vault"}), "", ""},
		{"RemoveClientIDFromOpenIDConnectProvider", ofProvider(params{"ClientID": "sts.amazonaws.com"}), "", ""},
		{"RemoveClientIDFromOpenIDConnectProvider", ofProvider(params{"ClientID": "never there"}), "", ""},
		{"UpdateOpenIDConnectProviderThumbprint", ofProvider(params{"ThumbprintList.member.1": strings.Repeat("0a", 20)}), "", ""},
		{"UpdateOpenIDConnectProviderThumbprint", ofProvider(params{"ThumbprintList.member.1": "short"}), "ValidationError", "thumbprintList"},
		{"TagOpenIDConnectProvider", ofProvider(params{"Tags.member.1.Key": "owner", "Tags.member.1.Value": "me"}), "", ""},
		{"UntagOpenIDConnectProvider", ofProvider(params{"TagKeys.member.1": "cluster"}), "", ""},
	})
	type provider struct {
		URL         string   `xml:"GetOpenIDConnectProviderResult>Url"`
		ClientIDs   []string `xml:"GetOpenIDConnectProviderResult>ClientIDList>member"`
		Thumbprints []string `xml:"GetOpenIDConnectProviderResult>ThumbprintList>member"`
		TagKeys     []string `xml:"GetOpenIDConnectProviderResult>Tags>member>Key"`
	}
	want := provider{strings.TrimPrefix(eksIssuer, "https://"), []string{"vault"}, []string{strings.Repeat("0a", 20)}, []string{"owner"}}
	if diff := cmp.Diff(want, decode[provider](t, a.Do(t, "GetOpenIDConnectProvider", ofProvider(nil)))); diff != "" {
		t.Error(diff)
	}
	type list struct {
		ARNs []string `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member>Arn"`
		Keys []string `xml:"ListOpenIDConnectProviderTagsResult>Tags>member>Key"`
	}
	if diff := cmp.Diff([]string{eksProvider}, decode[list](t, a.Do(t, "ListOpenIDConnectProviders", nil)).ARNs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"owner"}, decode[list](t, a.Do(t, "ListOpenIDConnectProviderTags", ofProvider(nil))).Keys); diff != "" {
		t.Error(diff)
	}
	run(t, a, []step{
		{"DeleteOpenIDConnectProvider", ofProvider(nil), "", ""},
		{"TagOpenIDConnectProvider", ofProvider(params{"Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}), "NoSuchEntity", ""},
	})
}

func TestIssuerURLs(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for url, code := range map[string]string{
		"https://token.actions.githubusercontent.com": "",
		"https://example.auth0.com/":                  "",
		"http://127.0.0.1:8080/issuer":                "", // ours: for tests
		"http://[::1]:8080":                           "",
		"http://issuer.example":                       "InvalidInput",
		"http://localhost:8080":                       "InvalidInput",
		"http://127.0.0.1.example":                    "InvalidInput",
		"https://issuer.example:8443":                 "InvalidInput",
		"https://issuer.example?x=y":                  "InvalidInput",
		"https://issuer.example#x":                    "InvalidInput",
		"https://user@issuer.example":                 "InvalidInput",
		"issuer.example":                              "InvalidInput",
		"https://":                                    "InvalidInput",
		"":                                            "ValidationError",
	} {
		if answer := a.Call(t, a.IAM, a.Root(t), "CreateOpenIDConnectProvider", params{"Url": url}); answer.Code() != code {
			t.Errorf("%q: got %v, want %q", url, answer.Err, code)
		}
	}
}

func TestProviderQuotas(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.Do(t, "CreateOpenIDConnectProvider", params{"Url": eksIssuer})
	for i := range 100 {
		a.Do(t, "AddClientIDToOpenIDConnectProvider", ofProvider(params{"ClientID": "client" + strconv.Itoa(i)}))
	}
	for i := range 99 {
		a.Do(t, "CreateOpenIDConnectProvider", params{"Url": "https://issuer.example/" + strconv.Itoa(i)})
	}
	run(t, a, []step{
		{"AddClientIDToOpenIDConnectProvider", ofProvider(params{"ClientID": "one more"}), "LimitExceeded", "100"},
		{"CreateOpenIDConnectProvider", params{"Url": "https://issuer.example/100"}, "LimitExceeded", "100"},
	})
}
