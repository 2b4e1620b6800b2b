package federation_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestAProvidersTokenIsExchangedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.NewString()
	for what, token := range map[string]string{"with an id": w.job(t, map[string]any{"jti": id}), "without": w.job(t, map[string]any{"jti": nil})} {
		var together sync.WaitGroup
		results := make(chan error, 10)
		for range cap(results) {
			together.Go(func() {
				_, _, err := w.federation.Exchange(t.Context(), "acme", token)
				results <- err
			})
		}
		together.Wait()
		close(results)
		given := 0
		for err := range results {
			switch {
			case err == nil:
				given++
			case !errors.Is(err, registry.ErrExists) || problem.KindOf(err) != problem.Denied || problem.From(err).Reason() != "TOKEN_ALREADY_EXCHANGED":
				t.Errorf("%s, exchanged again: %v", what, err)
			}
		}
		if given != 1 {
			t.Errorf("%s: one token was exchanged %d times", what, given)
		}
	}
	if _, err := w.exchange(t, w.job(t, map[string]any{"jti": id, "run_attempt": "2"})); !errors.Is(err, registry.ErrExists) {
		t.Errorf("another text of the same id: %v", err)
	}
	other := w.other.Sign(t, map[string]any{"sub": subject, "aud": audience, "jti": id})
	trusted := w.trust
	trusted.ID, trusted.Name, trusted.Issuer, trusted.Claims = uuid.New(), "other", w.other.URL, nil
	if err := w.db.CreateTrust(t.Context(), trusted); err != nil {
		t.Fatal(err)
	}
	if _, err := w.exchange(t, other); err != nil {
		t.Errorf("the same id of another issuer: %v", err)
	}
}

// As GitLab has it: its jobs have one token for all commands.
func TestATrustMayLetATokenComeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.db.DeleteTrust(t.Context(), w.acme.ID, w.trust.ID); err != nil {
		t.Fatal(err)
	}
	w.trust.ID, w.trust.Reusable = uuid.New(), true
	if err := w.db.CreateTrust(t.Context(), w.trust); err != nil {
		t.Fatal(err)
	}
	token := w.job(t, nil)
	for range 3 {
		if _, err := w.exchange(t, token); err != nil {
			t.Error(err)
		}
	}
	if got := w.records(t, audit.Of(w.acme.ID), audit.TrustUse); len(got) != 3 {
		t.Errorf("%d records, want one for each exchange", len(got))
	}
}

func TestExchangesAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(w.federation)
	t.Cleanup(server.Close)
	token := w.job(t, nil)
	post := func(token string) {
		t.Helper()
		resp, err := server.Client().PostForm(server.URL, url.Values{
			"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "subject_token": {token}, "audience": {"acme"},
		})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	post(token)
	post(token) // in vain
	post("swordfish")
	w.trust.Name = "app"
	var said []string
	for _, r := range w.records(t, audit.Of(w.acme.ID), audit.TrustUse) {
		said = append(said, strings.Join([]string{string(r.Outcome), r.Reason, string(r.Kind), r.Subject, r.RemoteIP, r.Object, r.Details["pipeline"]}, " "))
	}
	about := "pipeline app:" + subject + "/" + w.trust.ID.String() + " 127.0.0.1 trust/" + w.trust.ID.String() + " " + subject
	if want := []string{"ok  " + about, "denied TOKEN_ALREADY_EXCHANGED " + about}; strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("recorded:\n%s\nwant:\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	// As over gRPC, in the chain of the installation: strangers write into nobody's.
	refused := map[string]string{}
	for _, r := range w.records(t, audit.Installation, audit.Call) {
		refused[r.Reason] = r.Object + " " + string(r.Outcome) + " " + string(r.Kind) + " " + r.RemoteIP
	}
	for _, reason := range []string{"PERMISSION_DENIED", "TOKEN_ALREADY_EXCHANGED"} {
		if want := "method/managedcas.v1.FederationService/Exchange denied unknown 127.0.0.1"; refused[reason] != want {
			t.Errorf("%s: recorded as %q, want %q", reason, refused[reason], want)
		}
	}
}

// counting is a store that counts what it is asked.
type counting struct {
	federation.Store

	asked int
}

func (c *counting) OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error) {
	c.asked++
	return c.Store.OrganizationByName(ctx, name)
}

func (c *counting) Trusts(ctx context.Context, id org.ID, limit int) ([]registry.Trust, error) {
	c.asked++
	return c.Store.Trusts(ctx, id, limit)
}

// Anybody can have a token that GitHub has signed. How long the refusal takes does not tell
// whether there is such an organization.
func TestRefusalsTakeAsManyLookups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := map[string]int{}
	for _, name := range []string{"globex", "nobody"} {
		store := &counting{Store: w.db}
		f, err := federation.New(w.config(store))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Exchange(t.Context(), name, w.job(t, nil)); problem.KindOf(err) != problem.Denied {
			t.Fatal(err)
		}
		asked[name] = store.asked
	}
	if asked["globex"] != asked["nobody"] || asked["globex"] == 0 {
		t.Errorf("lookups: %v", asked)
	}
}

// As floating point, these two numbers are one.
func TestLongNumbersAreComparedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust.ID, w.trust.Name, w.trust.Claims = uuid.New(), "long", map[string]string{"namespace_id": "9007199254740992"}
	w.trust.Subjects = []string{"repo:acme/long:**"}
	if err := w.db.CreateTrust(t.Context(), w.trust); err != nil {
		t.Fatal(err)
	}
	for number, ok := range map[int64]bool{9007199254740992: true, 9007199254740993: false} {
		if _, err := w.exchange(t, w.job(t, map[string]any{"sub": "repo:acme/long:x", "namespace_id": number})); (err == nil) != ok {
			t.Errorf("%d: %v", number, err)
		}
	}
}
