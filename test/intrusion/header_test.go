package intrusion

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/registry"
)

// TestHeaderAndTokenDisagree calls every method with a good token of acme and a header that
// names something else: globex by each of its values, and what does not exist.
func TestHeaderAndTokenDisagree(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	own, before := s.snapshot(t, s.acme), s.snapshot(t, s.globex)
	for _, m := range s.all() {
		conn, attackers := s.attackers(t, m)
		for _, as := range attackers {
			want := map[string]string{"owner": noMember, "token": notTheTokens}[as.name]
			asItself := send(t, conn, as, m, request(t, m, "", ""))
			if line := methods[m]; line.guard != guarded {
				want = asItself.outcome
			}
			for _, named := range s.otherNames(m == listArtifacts) {
				as.organization = named
				got := send(t, conn, as, m, request(t, m, "", ""))
				what := fmt.Sprintf("%s as %s naming %q", m, as.name, named)
				s.globex.keepsQuiet(t, what, got, named)
				if got.outcome != want {
					t.Errorf("%s (%s):\n got %q\nwant %q", what, methods[m].guard, got.outcome, want)
				}
				if methods[m].guard != guarded && same(got, "") != same(asItself, "") {
					t.Errorf("%s: the header of a method that is %s has an effect", what, methods[m].guard)
				}
			}
		}
		if after := s.snapshot(t, s.globex); after != before {
			t.Fatalf("%s: globex has changed.\nbefore:\n%s\nafter:\n%s", m, before, after)
		}
		if s.snapshot(t, s.acme) != own { // by the call that was in order
			s = newScene(t)
			own, before = s.snapshot(t, s.acme), s.snapshot(t, s.globex)
		}
	}
}

// otherNames are headers that are not acme's. One method sees every spelling.
func (s *scene) otherNames(spelled bool) []string {
	id := s.globex.org.ID.String()
	if !spelled {
		return []string{"globex", id, "nobody"}
	}
	return []string{
		"globex", id, strings.ToUpper(id), "formerly-globex", "formerly-acme", s.acme.org.ID.String(),
		"nobody", uuid.NewString(), "Globex", "ACME", "globex ", "acme,globex", "acme globex", "../globex", "acme%00", "*", "%",
	}
}

// TestOwnCallsShowNothingOfOthers: what everybody of acme sees of their own, in every
// method, without trying anything.
func TestOwnCallsShowNothingOfOthers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	everybody := []caller{{"token", s.acme.token, ""}, {"token", s.acme.token, "acme"}, {"nobody", "", ""}, {"revoked", s.acme.revoked, ""}}
	for role, login := range s.acme.logins {
		everybody = append(everybody, caller{string(role), login, ""}, caller{string(role), login, "acme"})
	}
	answered := 0
	for _, m := range s.all() {
		conn, bearers := s.attackers(t, m)
		for _, as := range slices.Concat(everybody, bearers[:]) {
			if m == "managedcas.v1.MemberService/Leave" && as.name != string(registry.Viewer) {
				continue
			}
			got := send(t, conn, as, m, request(t, m, "", ""))
			s.globex.keepsQuiet(t, m+" as "+as.name, got)
			if got.outcome == ok {
				answered++
			}
		}
	}
	if answered < 50 {
		t.Errorf("only %d calls were answered: there was nothing to look at", answered)
	}
}
