package login

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/test/issuer"
)

func TestTheFirstAdministrator(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	if in.bootstrap == "" {
		t.Fatalf("the first start printed no token:\n%s", in.process.Stderr.String())
	}
	operator := in.person()
	operator.fails("nobody can sign in to this installation", "auth", "login")
	operator.fails("not a bootstrap token that is good", "auth", "bootstrap", "--token", in.bootstrap+"x")
	token := operator.must("auth", "bootstrap", "--token", in.bootstrap)
	operator.more = []string{"CHAINLOOP_TOKEN=" + token}
	operator.must("organization", "create", "acme")
	in.person().fails("bootstrap token", "auth", "bootstrap", "--token", in.bootstrap)
	if p := newBrowser(t, "ann").get(in.public + "/auth/login"); p.status != http.StatusNotFound || !strings.Contains(p.body, "controlplane.oidc") {
		t.Errorf("the page for browsers: %d %s", p.status, p.body)
	}
}

func TestTheFirstAdministratorIsSignedIn(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "", "ann")
	ann := in.person()
	ann.login(newBrowser(t, "ann"))
	ann.fails("ask its operator", "organization", "list", "--deleted")
	ann.must("auth", "bootstrap", "--token", in.bootstrap)
	ann.must("organization", "list", "--deleted")
}

// A job of GitHub Actions and one of GitLab act for an organization without a secret.
func TestPipelines(t *testing.T) {
	t.Parallel()
	github := issuer.New(t)
	in := newInstallation(t, "  federation: {issuers: [\""+github.URL+"\"]}\n")
	operator := in.person()
	operator.more = []string{"CHAINLOOP_TOKEN=" + operator.must("auth", "bootstrap", "--token", in.bootstrap)}
	operator.must("organization", "create", "acme")
	operator.fails("does not accept that issuer", "--org", "acme", "organization", "trust", "create", "app", "--issuer", "https://gitlab.com", "--subject", "x")
	operator.fails("a wildcard may only stand", "--org", "acme", "organization", "trust", "create", "app", "--issuer", github.URL, "--subject", "repo:*")
	var trust struct{ ID, Audience string }
	made := operator.must("--org", "acme", "organization", "trust", "create", "app", "--issuer", github.URL,
		"--subject", "repo:acme/app:ref:refs/heads/*", "--claim", "repository_owner_id=583231", "-o", "json")
	if err := json.Unmarshal([]byte(made), &trust); err != nil || trust.Audience != in.grpc {
		t.Fatalf("%s, %v", made, err)
	}

	// What GitHub gives to a job that has id-token: write.
	runner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of-the-runner" || r.URL.Query().Get("api-version") != "2.0" {
			http.Error(w, "not the runner", http.StatusForbidden)
			return
		}
		token := github.Sign(t, map[string]any{"sub": "repo:acme/app:ref:refs/heads/main", "aud": r.URL.Query().Get("audience"), "repository_owner_id": "583231"})
		_ = json.NewEncoder(w).Encode(map[string]string{"value": token})
	}))
	t.Cleanup(runner.Close)
	job := in.person()
	job.fails("id-token: write", "--org", "acme", "auth", "federate")
	job.more = []string{"ACTIONS_ID_TOKEN_REQUEST_URL=" + runner.URL + "/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-the-runner"}
	token := job.must("--org", "acme", "auth", "federate")
	if list := job.must("--org", "acme", "cas-backend", "list"); !strings.Contains(list, "PROVIDER") { // by itself
		t.Errorf("%s", list)
	}
	job.fails("the organization trusts", "--org", "globex", "auth", "federate")
	job.fails("the organization trusts", "--org", "acme", "auth", "federate", "--audience", "another.example:443")
	job.fails("no organization", "auth", "federate")
	job.fails("instance token", "--org", "acme", "organization", "trust", "list")

	gitlab := in.person()
	gitlab.more = []string{"MANAGEDCAS_ID_TOKEN=" + github.Sign(t, map[string]any{"sub": "repo:acme/app:ref:refs/heads/x", "aud": in.grpc, "repository_owner_id": "583231"})}
	gitlab.must("--org", "acme", "cas-backend", "list")
	gitlab.fails("has been exchanged already", "--org", "acme", "cas-backend", "list") // one token, one exchange
	gitlab.more = []string{"MANAGEDCAS_ID_TOKEN=" + github.Sign(t, map[string]any{"sub": "repo:acme/other:ref:refs/heads/x", "aud": in.grpc, "repository_owner_id": "583231"})}
	gitlab.fails("the organization trusts", "--org", "acme", "cas-backend", "list")

	operator.must("--org", "acme", "organization", "trust", "create", "lib", "--issuer", github.URL, "--subject", "repo:acme/lib:**", "--reusable")
	gitlab.more = []string{"MANAGEDCAS_ID_TOKEN=" + github.Sign(t, map[string]any{"sub": "repo:acme/lib:x", "aud": in.grpc})}
	gitlab.must("--org", "acme", "cas-backend", "list")
	gitlab.must("--org", "acme", "cas-backend", "list")

	held := in.person()
	held.more = []string{"CHAINLOOP_TOKEN=" + token}
	held.must("cas-backend", "list")
	operator.must("--org", "acme", "organization", "trust", "delete", trust.ID)
	held.fails("Token is invalid", "cas-backend", "list")
}
