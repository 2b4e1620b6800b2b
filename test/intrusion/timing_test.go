//go:build long

package intrusion

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
)

const (
	// samples of each of two questions in a round.
	samples = 120
	// noticeable is a difference of the two, as a part of the time that a call takes: half
	// of what one lookup over a local socket is.
	noticeable = 0.08
	// rounds in all of which a difference has to show. Noise does not come back.
	rounds = 4
)

// both are two questions that shall take as long: about what there is, and what there is not.
type both struct {
	name          string
	there, absent func() time.Duration
}

func (q question) both(t *testing.T, r *replica) both {
	t.Helper()
	return both{q.name, func() time.Duration { return q.ask(t, r, q.there) }, func() time.Duration { return q.ask(t, r, q.absent) }}
}

// difference asks both questions in turn and returns by how much the one about what exists
// takes longer. It compares lower quartiles: what disturbs a measurement makes it longer.
func (b both) difference() float64 {
	var existing, absent []time.Duration
	for i := range samples {
		if i%2 == 0 {
			existing = append(existing, b.there())
		}
		absent = append(absent, b.absent())
		if i%2 == 1 {
			existing = append(existing, b.there())
		}
	}
	slices.Sort(existing)
	slices.Sort(absent)
	return float64(existing[samples/4])/float64(absent[samples/4]) - 1
}

// tells reports whether a difference shows, in the same direction, in every round.
func (b both) tells() (bool, string) {
	var longer, shorter int
	var seen []string
	for range rounds {
		d := b.difference()
		seen = append(seen, fmt.Sprintf("%+.1f%%", 100*d))
		switch {
		case d > noticeable:
			longer++
		case d < -noticeable:
			shorter++
		}
		if longer != len(seen) && shorter != len(seen) {
			return false, strings.Join(seen, " ")
		}
	}
	return true, strings.Join(seen, " ")
}

// TestTimeTellsNothing measures what an attacker could. That it would find something is
// what its last part shows; what finds the smallest is TestNoStatementTellsWhatExists, which
// counts and does not depend on what else the machine does.
func TestTimeTellsNothing(t *testing.T) { //nolint:paralleltest // it measures
	if databasetest.Engine() != "postgres" {
		return // measured once, where a lookup costs most
	}
	target := databasetest.Postgres(t)
	r := newReplica(t, target)
	acme, globex := newEstate(t, r, organization(t, r, "acme")), newEstate(t, r, organization(t, r, "globex"))
	owner := caller{"owner", acme.logins[registry.Owner], "acme"}
	toRevoke := question{"token to revoke", owner, "controlplane.v1.APITokenService/Revoke", "id", globex.values[tokens][0], nobodys(tokens, "")}
	var pairs []both
	for _, q := range []question{
		{"organization in the header, for a user", owner, "controlplane.v1.ContextService/Current", "", "globex", "nobody"},
		{"organization in the header, for a token", caller{"token", acme.token, ""}, "controlplane.v1.ContextService/Current", "", "globex", "nobody"},
		{"organization in the request", owner, "managedcas.v1.OrganizationAdminService/Describe", "name", "globex", "nobody"},
		{"membership", owner, "managedcas.v1.MemberService/Remove", "membership_id", globex.values[memberships][0], nobodys(memberships, "")},
		{"invitation to accept", owner, "managedcas.v1.InvitationService/Accept", "id", globex.values[invitations][0], nobodys(invitations, "")},
		{"invitation to revoke", owner, "managedcas.v1.InvitationService/Revoke", "id", globex.values[invitations][0], nobodys(invitations, "")},
		toRevoke,
		{"digest", owner, "managedcas.v1.ArtifactService/FindMissing", "digests", globex.values[digests][0], nobodys(digests, "")},
	} {
		pairs = append(pairs, q.both(t, r))
	}
	for name, forged := range forgeries(t, globex) {
		pairs = append(pairs, both{
			name,
			func() time.Duration { return current(name, forged[0]).ask(t, r, "") },
			func() time.Duration { return current(name, forged[1]).ask(t, r, "") },
		})
	}
	for _, b := range pairs {
		told, seen := b.tells()
		t.Logf("%s: %s", b.name, seen)
		if told {
			t.Errorf("%s: the time that a call takes tells what exists: %s", b.name, seen)
		}
	}

	// The measurement finds what this server does for one of two questions alone.
	careless := newReplica(t, target, grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if named, ok := req.(interface{ GetId() string }); ok && named.GetId() == globex.values[tokens][0] {
			for range 10 {
				_, _ = r.db.OrganizationByName(ctx, "globex")
			}
		}
		return next(ctx, req)
	}))
	if told, seen := toRevoke.both(t, careless).tells(); !told {
		t.Errorf("lookups that only one of two calls makes were not noticed: %s", seen)
	}
}
