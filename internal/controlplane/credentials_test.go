package controlplane_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

const (
	uploader   = controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER
	downloader = controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER
)

// TestCredentials issues CAS tokens and verifies them as a CAS does: with the keys
// that the control plane publishes over HTTP.
func TestCredentials(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	token := p.token(t, acme)
	web := httptest.NewServer(p.server.HTTPHandler(nil))
	defer web.Close()
	verifier := auth.NewCASVerifier(auth.NewRemoteKeys(web.URL+"/.well-known/jwks.json", web.Client(), nil, slog.New(slog.DiscardHandler)))

	d := digest.Of([]byte("hello\n"))
	for _, tc := range []struct {
		what string
		req  *controlplanev1.CASCredentialsServiceGetRequest
		want cas.Grant
		code codes.Code
	}{
		{"upload", &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader}, cas.Grant{Org: acme.ID, Role: cas.Uploader, MaxBytes: maxArtifact}, codes.OK},
		{"upload of a digest", &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader, Digest: d.String()}, cas.Grant{Org: acme.ID, Role: cas.Uploader, Digest: d, MaxBytes: maxArtifact}, codes.OK},
		{"download", &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader, Digest: d.String()}, cas.Grant{Org: acme.ID, Role: cas.Downloader, Digest: d}, codes.OK},
		{"download of anything", &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader}, cas.Grant{}, codes.InvalidArgument},
		{"download of what the user typed", &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader, Digest: "sha256:abc"}, cas.Grant{}, codes.InvalidArgument},
		{"download of the digest that nothing has", &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader, Digest: digest.Digest{}.String()}, cas.Grant{}, codes.NotFound},
		{"upload of the digest that nothing has", &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader, Digest: digest.Digest{}.String()}, cas.Grant{}, codes.NotFound},
		{"no role", &controlplanev1.CASCredentialsServiceGetRequest{Digest: d.String()}, cas.Grant{}, codes.InvalidArgument},
		{"unknown role", &controlplanev1.CASCredentialsServiceGetRequest{Role: 9, Digest: d.String()}, cas.Grant{}, codes.InvalidArgument},
	} {
		resp, err := p.credentials().Get(as(t, token, ""), tc.req)
		wantCode(t, tc.what, err, tc.code)
		if err != nil {
			continue
		}
		if b := resp.GetResult().GetBackend(); b.GetName() != "chainloop-cloud-storage" || b.GetLimits().GetMaxBytes() != maxArtifact || b.GetIsInline() {
			t.Errorf("%s: backend %v", tc.what, b)
		}
		got, err := verifier.Grant(t.Context(), resp.GetResult().GetToken())
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
			continue
		}
		if !strings.HasPrefix(got.Subject, "test/") || len(got.Subject) != len("test/")+36 { // name and id of the API token
			t.Errorf("%s: subject %q", tc.what, got.Subject)
		}
		tc.want.Backend = uuid.MustParse(resp.GetResult().GetBackend().GetId())
		if got.TokenID, got.Subject = "", ""; got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.what, got, tc.want)
		}
		if strings.Contains(p.log.String(), resp.GetResult().GetToken()) {
			t.Errorf("%s: the token is in the log", tc.what)
		}
	}
}

// TestI12_whetherWaitingHelps: only provisioning is worth a retry.
func TestI12_whetherWaitingHelps(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	for _, tc := range []struct {
		what   string
		make   func() org.Organization
		code   codes.Code
		reason string
	}{
		{"pending", func() org.Organization { return p.organization(t, "pending", org.Pending) }, codes.Unavailable, "UNAVAILABLE"},
		{"ready", func() org.Organization { return p.organization(t, "ready", org.Ready) }, codes.OK, ""},
		{"degraded, was ready once", func() org.Organization { return p.organization(t, "degraded", org.Degraded) }, codes.OK, ""},
		{"degraded from the start", func() org.Organization {
			return p.move(t, p.organization(t, "stillborn", org.Pending), org.Degraded, "no policy quota left")
		}, codes.PermissionDenied, "CAS_BACKEND_ERROR_REASON_INVALID"},
		{"ready, backend not saved yet", func() org.Organization {
			return p.move(t, p.organization(t, "early", org.Pending), org.Ready, "")
		}, codes.Unavailable, "UNAVAILABLE"},
		{"pending again, with what it had", func() org.Organization {
			return p.move(t, p.organization(t, "again", org.Ready), org.Pending, "")
		}, codes.Unavailable, "UNAVAILABLE"},
		{"deleting", func() org.Organization {
			return p.move(t, p.organization(t, "deleting", org.Ready), org.Deleting, "")
		}, codes.FailedPrecondition, "FAILED_PRECONDITION"},
	} {
		o := tc.make()
		_, err := p.credentials().Get(as(t, p.token(t, o), ""), &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader})
		wantCode(t, tc.what, err, tc.code)
		if got := reason(err); got != tc.reason {
			t.Errorf("%s: reason %q, want %q", tc.what, got, tc.reason)
		}
	}
}

func TestBackendList(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	for _, tc := range []struct {
		state  org.State
		status controlplanev1.CASBackendItem_ValidationStatus
	}{
		{org.Pending, controlplanev1.CASBackendItem_VALIDATION_STATUS_UNSPECIFIED},
		{org.Ready, controlplanev1.CASBackendItem_VALIDATION_STATUS_OK},
		{org.Degraded, controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID},
	} {
		o := p.organization(t, org.Name(tc.state), tc.state)
		resp, err := p.backends().List(as(t, p.token(t, o), ""), nil)
		if err != nil || len(resp.GetResult()) != 1 {
			t.Fatalf("%v, %v", resp, err)
		}
		b := resp.GetResult()[0]
		// The guide's own words for what an operator looks for.
		if b.GetName() != "chainloop-cloud-storage" || b.GetLocation() != "managed by Chainloop" || b.GetProvider() != "Chainloop" {
			t.Errorf("%s: %v", tc.state, b)
		}
		if !b.GetDefault() || !b.GetIsManaged() || b.GetIsInline() || b.GetFallback() || b.GetLimits().GetMaxBytes() != maxArtifact {
			t.Errorf("%s: %v", tc.state, b)
		}
		if b.GetValidationStatus() != tc.status || (b.GetValidationError() != "") != (tc.state == org.Degraded) {
			t.Errorf("%s: %v %q", tc.state, b.GetValidationStatus(), b.GetValidationError())
		}
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	web := httptest.NewServer(p.server.HTTPHandler(nil))
	defer web.Close()
	get := func(path string) (int, map[string]any) {
		t.Helper()
		resp, err := http.Get(web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			if err := json.Unmarshal(body, &fields); err != nil {
				t.Errorf("%s: %v in %s", path, err, body)
			}
		}
		return resp.StatusCode, fields
	}
	for _, path := range []string{"/healthz", "/readyz", "/statusz", "/statusz?readiness=1", "/infoz", "/.well-known/jwks.json"} {
		if code, _ := get(path); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	if _, info := get("/infoz"); info["version"] != "v0.0.0-test" {
		t.Errorf("infoz: %v", info)
	}
	if err := p.db.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/statusz": 200, "/readyz": 503, "/statusz?readiness=1": 503, "/nowhere": 404} {
		if code, _ := get(path); code != want {
			t.Errorf("without a database, %s: %d, want %d", path, code, want)
		}
	}
	_, err := controlplanev1.NewStatusServiceClient(p.conn).Statusz(t.Context(), &controlplanev1.StatuszRequest{Readiness: true})
	wantCode(t, "without a database, Statusz", err, codes.Unavailable)
}

// TestEverybodysSubjectFitsAGrant: addresses and branches may be longer than what is kept
// beside an object, and need not be ASCII. Whoever has one transfers like all others, and is
// known by an id that is whole.
func TestEverybodysSubjectFitsAGrant(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	made, err := p.trusts().Create(as(t, p.token(t, org.Organization{}), "acme"), trust(func(item *managedcasv1.Trust) { item.Name = strings.Repeat("t", 63) }))
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.db.Trusts(t.Context(), acme.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, _, err := p.tokens.IssuePipeline(t.Context(), list[0], "project_path:acme/app:"+strings.Repeat("x", 233))
	if err != nil {
		t.Fatal(err)
	}
	callers := map[string]string{pipeline: made.GetTrust().GetId()}
	for _, name := range []string{strings.Repeat("a", 200), "jörg"} {
		u, login := p.user(t, name)
		p.join(t, u, acme, registry.Contributor)
		callers[login] = u.ID.String()
	}
	for text, id := range callers {
		resp, err := p.credentials().Get(as(t, text, "acme"), &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader})
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		grant, err := auth.NewCASVerifier(p.keys).Grant(t.Context(), resp.GetResult().GetToken())
		if err != nil || !strings.HasSuffix(grant.Subject, "/"+id) || !cas.ValidSubject(grant.Subject) || len(grant.Subject) < 40 {
			t.Errorf("%s: subject %q, %v", id, grant.Subject, err)
		}
	}
}
