package intrusion

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// question is one that is asked about what globex has and about what nobody has, with the
// same answer.
type question struct {
	name          string
	as            caller
	method        string
	path          string
	there, absent string // for the field at path; or, without one, for the header
}

func (q question) ask(t *testing.T, r *replica, about string) time.Duration {
	t.Helper()
	as, req := q.as, proto.Message(nil)
	if q.path == "" {
		as.organization, req = about, request(t, q.method, "", "")
	} else {
		req = request(t, q.method, q.path, about)
	}
	began := time.Now()
	if got := send(t, r.conn, as, q.method, req); strings.HasPrefix(got.outcome, "Internal") || strings.HasPrefix(got.outcome, "Unavailable") {
		t.Fatalf("%s: %s", q.name, got.outcome)
	}
	return time.Since(began)
}

// ears is a control plane whose statements are counted.
type ears struct {
	*replica

	statements   *atomic.Int64
	acme, globex *estate
}

func newEars(t *testing.T) ears {
	t.Helper()
	statements := new(atomic.Int64)
	relay := databasetest.NewRelay(t, databasetest.Postgres(t), func(e databasetest.Exchange) databasetest.Fate {
		if !e.Mentions("audit") { // records are written behind the calls, several at a time
			statements.Add(1)
		}
		return databasetest.Fate{}
	})
	r := newReplica(t, relay.URL)
	return ears{r, statements, newEstate(t, r, organization(t, r, "acme")), newEstate(t, r, organization(t, r, "globex"))}
}

func (e ears) count(t *testing.T, q question, about string) int64 {
	t.Helper()
	before := e.statements.Load()
	q.ask(t, e.replica, about)
	return e.statements.Load() - before
}

// compare asks a question both ways. The first time, a connection is told of a statement
// that it will see again: the least of several attempts is what counts.
func (e ears) compare(t *testing.T, q question) int64 {
	t.Helper()
	existing, absent := e.count(t, q, q.there), e.count(t, q, q.absent)
	for i := 0; i < 8 && existing != absent; i++ {
		existing, absent = min(existing, e.count(t, q, q.there)), min(absent, e.count(t, q, q.absent))
	}
	if existing != absent {
		t.Errorf("%s: %d statements about what globex has, %d about what nobody has", q.name, existing, absent)
	}
	return existing
}

// TestNoStatementTellsWhatExists counts what the database is asked. Who can measure time
// well enough sees a statement that only one of two questions needs.
func TestNoStatementTellsWhatExists(t *testing.T) {
	t.Parallel()
	if databasetest.Engine() != "postgres" {
		return // what goes to SQLite cannot be overheard; the statements are the same
	}
	e := newEars(t)
	total := int64(0)
	for _, place := range slices.Sorted(maps.Keys(fields)) {
		method, path, _ := strings.Cut(place, " ")
		service, _, _ := strings.Cut(method, "/")
		if _, ours := e.server.GetServiceInfo()[service]; !ours || fields[place].tells != "" {
			continue
		}
		for _, as := range e.attackers() {
			for k, values := range e.globex.values {
				total += e.compare(t, question{place + " = " + string(k) + " as " + as.name, as, method, path, values[0], nobodys(k, values[0])})
			}
		}
		if makes(method) && fields[place].first == ok {
			e = newEars(t)
		}
	}
	for _, as := range e.attackers() {
		for _, method := range []string{"controlplane.v1.ContextService/Current", listArtifacts} {
			total += e.compare(t, question{method + " with a header as " + as.name, as, method, "", "globex", "nobody"})
		}
	}
	if total == 0 {
		t.Error("nothing was counted")
	}
}

func (e ears) attackers() []caller {
	return []caller{{"owner", e.acme.logins[registry.Owner], "acme"}, {"token", e.acme.token, ""}}
}

// organization creates one with a valid storage backend.
func organization(t *testing.T, r *replica, name string) org.Organization {
	t.Helper()
	o := org.Organization{ID: org.NewID(), Name: org.Name(name), State: org.Pending, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	must(t, r.db.CreateOrganization(t.Context(), o))
	must(t, r.db.SaveManagedBackend(t.Context(), o.ID))
	o, err := r.db.SetOrganizationState(t.Context(), o.ID, org.Ready, "")
	must(t, err)
	return o
}

const (
	// samples of each of two questions in a round.
	samples = 120
	// noticeable is a difference of the two, as a part of the time that a call takes: half
	// of what one lookup over a local socket is.
	noticeable = 0.08
	// rounds in all of which a difference has to show. Noise does not come back.
	rounds = 4
)

// difference asks both questions in turn and returns by how much the one about what exists
// takes longer. It compares lower quartiles: what disturbs a measurement makes it longer.
func (q question) difference(t *testing.T, r *replica) float64 {
	t.Helper()
	var existing, absent []time.Duration
	for i := range samples {
		if i%2 == 0 {
			existing = append(existing, q.ask(t, r, q.there))
		}
		absent = append(absent, q.ask(t, r, q.absent))
		if i%2 == 1 {
			existing = append(existing, q.ask(t, r, q.there))
		}
	}
	slices.Sort(existing)
	slices.Sort(absent)
	return float64(existing[samples/4])/float64(absent[samples/4]) - 1
}

// tells reports whether a difference shows, in the same direction, in every round.
func (q question) tells(t *testing.T, r *replica) (bool, string) {
	t.Helper()
	var longer, shorter int
	var seen []string
	for range rounds {
		d := q.difference(t, r)
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

// TestTimeTellsNothing measures what an attacker could.
func TestTimeTellsNothing(t *testing.T) { //nolint:paralleltest // it measures
	if databasetest.Engine() != "postgres" {
		return // measured once, where a lookup costs most
	}
	target := databasetest.Postgres(t)
	r := newReplica(t, target)
	acme, globex := newEstate(t, r, organization(t, r, "acme")), newEstate(t, r, organization(t, r, "globex"))
	owner := caller{"owner", acme.logins[registry.Owner], "acme"}
	forged := func(like string) string { return nobodys(texts, like) }
	for _, q := range []question{
		{"organization in the header, for a user", owner, "controlplane.v1.ContextService/Current", "", "globex", "nobody"},
		{"organization in the header, for a token", caller{"token", acme.token, ""}, "controlplane.v1.ContextService/Current", "", "globex", "nobody"},
		{"organization in the request", owner, "managedcas.v1.OrganizationAdminService/Describe", "name", "globex", "nobody"},
		{"membership", owner, "managedcas.v1.MemberService/Remove", "membership_id", globex.values[memberships][0], nobodys(memberships, "")},
		{"invitation to accept", owner, "managedcas.v1.InvitationService/Accept", "id", globex.values[invitations][0], nobodys(invitations, "")},
		{"invitation to revoke", owner, "managedcas.v1.InvitationService/Revoke", "id", globex.values[invitations][0], nobodys(invitations, "")},
		{"token to revoke", owner, "controlplane.v1.APITokenService/Revoke", "id", globex.values[tokens][0], nobodys(tokens, "")},
		{"digest", owner, "managedcas.v1.ArtifactService/FindMissing", "digests", globex.values[digests][0], nobodys(digests, "")},
	} {
		told, seen := q.tells(t, r)
		t.Logf("%s: %s", q.name, seen)
		if told {
			t.Errorf("%s: the time that a call takes tells what exists: %s", q.name, seen)
		}
	}
	// Signatures that are wrong, on the claims of a token that there is and on others.
	for name, pair := range map[string][2]string{
		"a good token's claims": {forged(globex.token), unknown(t, globex.token)},
		"a revoked token's":     {forged(globex.revoked), unknown(t, globex.token)},
	} {
		q := question{name: name, method: "controlplane.v1.ContextService/Current"}
		told, seen := tokensTell(t, r, q, pair)
		t.Logf("%s: %s", name, seen)
		if told {
			t.Errorf("%s: the time that a call takes tells which tokens exist: %s", name, seen)
		}
	}

	// The measurement finds one lookup more, as this server makes one.
	careless := newReplica(t, target, grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if named, ok := req.(interface{ GetId() string }); ok && named.GetId() == globex.values[tokens][0] {
			_, _ = r.db.OrganizationByName(ctx, "globex")
		}
		return next(ctx, req)
	}))
	q := question{"token to revoke", owner, "controlplane.v1.APITokenService/Revoke", "id", globex.values[tokens][0], nobodys(tokens, "")}
	if told, seen := q.tells(t, careless); !told {
		t.Errorf("a lookup that only one of two calls makes was not noticed: %s", seen)
	}
}

// tokensTell asks with two tokens in place of two values.
func tokensTell(t *testing.T, r *replica, q question, pair [2]string) (bool, string) {
	t.Helper()
	real, absent := q, q
	real.as, absent.as = caller{"forger", pair[0], ""}, caller{"forger", pair[1], ""}
	var seen []string
	for range rounds {
		var a, b []time.Duration
		for range samples {
			a, b = append(a, real.ask(t, r, "")), append(b, absent.ask(t, r, ""))
		}
		slices.Sort(a)
		slices.Sort(b)
		d := float64(a[samples/4])/float64(b[samples/4]) - 1
		seen = append(seen, fmt.Sprintf("%+.1f%%", 100*d))
		if d < noticeable && d > -noticeable {
			return false, strings.Join(seen, " ")
		}
	}
	return true, strings.Join(seen, " ")
}

// unknown returns a token with the key of like, and an id that no token has.
func unknown(t *testing.T, like string) string {
	t.Helper()
	parts := strings.Split(like, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var claims map[string]any
	must(t, json.Unmarshal(raw, &claims))
	claims["jti"] = uuid.NewString()
	raw, err = json.Marshal(claims)
	must(t, err)
	return nobodys(texts, parts[0]+"."+base64.RawURLEncoding.EncodeToString(raw)+".")
}
