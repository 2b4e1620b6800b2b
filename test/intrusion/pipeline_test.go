package intrusion

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// pipeline signs a pipeline in that an organization's trust lets in, for 15 minutes.
func pipeline(t *testing.T, r *replica, of org.ID) (as caller, trust registry.Trust) {
	t.Helper()
	trust = registry.Trust{
		ID: uuid.New(), Org: of, Name: "long-" + uuid.NewString()[:8], Issuer: "https://ci.example/long", Audience: "long", Subjects: []string{"repo:long/*"},
		Lifetime: auth.MaxPipelineLifetime, Enabled: true, CreatedAt: time.Now(), CreatedBy: "somebody",
	}
	must(t, r.db.CreateTrust(t.Context(), trust))
	text, _, err := r.tokens.IssuePipeline(t.Context(), trust, "repo:long/app")
	must(t, err)
	return caller{"pipeline", text, ""}, trust
}

// TestAPipelineIsNoMoreThanAToken: with globex's values in every field that is made for them a
// pipeline of acme comes as far as a token of acme, which is nowhere (TestTheirValuesInEveryField),
// or is told that this is not for it.
func TestAPipelineIsNoMoreThanAToken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	as, _ := pipeline(t, s.replica, s.acme.org.ID)
	token := caller{"token", s.acme.token, ""}
	before, tried, services := s.snapshot(t, s.globex), 0, s.services()
	// What somebody of acme makes of a name of globex's, acme has then, and shows.
	places := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		if makes(a) != makes(b) {
			return map[bool]int{true: 1, false: -1}[makes(a)]
		}
		return strings.Compare(a, b)
	})
	for _, place := range places {
		m, path, _ := strings.Cut(place, " ")
		if services[m] || methods[m].guard != guarded {
			continue // CAS tokens are those of everybody
		}
		for _, value := range s.globex.values[fields[place].apt] {
			got := send(t, s.conn, as, m, request(t, m, path, value))
			s.globex.keepsQuiet(t, place+" as a pipeline", got, value)
			tried++
			if got.outcome == notForTokens || strings.HasPrefix(got.outcome, "PermissionDenied PERMISSION_DENIED this is not for tokens of organizations and pipelines: ") {
				continue
			}
			if want := send(t, s.conn, token, m, request(t, m, path, value)); got.outcome != want.outcome {
				t.Errorf("%s = %s:\n a pipeline %q\n    a token %q", place, value, got.outcome, want.outcome)
			}
		}
		for _, named := range s.otherNames(m == listArtifacts) {
			got := send(t, s.conn, naming(as, named), m, request(t, m, "", ""))
			s.globex.keepsQuiet(t, m+" naming "+named, got, named)
			if got.outcome != notTheTokens {
				t.Errorf("%s naming %q: %q", m, named, got.outcome)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d values were tried", tried)
	}
	if after := s.snapshot(t, s.globex); after != before {
		t.Errorf("globex has changed.\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

// TestReplayAfterTrustChanged: a trust that is disabled or deleted lets no pipeline go on, at
// any replica, whoever has seen its token.
func TestReplayAfterTrustChanged(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	owner := caller{"owner", f.acme.logins[registry.Owner], "acme"}
	as, trust := pipeline(t, f.replicas[0], f.acme.org.ID)
	id := trust.ID.String()
	f.everywhere(t, "before", as, listArtifacts, "", "", ok)
	f.do(t, owner, "managedcas.v1.TrustService/SetEnabled", "id", id)
	f.everywhere(t, "a disabled trust", as, listArtifacts, "", "", tokenInvalid)
	f.everywhere(t, "a disabled trust", as, credentials, "digest", f.acme.values[digests][0], tokenInvalid)
	must(t, f.replicas[1].db.SetTrustEnabled(t.Context(), f.acme.org.ID, trust.ID, true))
	f.everywhere(t, "enabled again", as, listArtifacts, "", "", ok)
	f.do(t, owner, "managedcas.v1.TrustService/Delete", "id", id)
	f.everywhere(t, "a deleted trust", as, listArtifacts, "", "", tokenInvalid)
}
