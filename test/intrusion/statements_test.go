package intrusion

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
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
	target := databasetest.Postgres(t)
	relay := databasetest.NewRelay(t, target, func(databasetest.Exchange) databasetest.Fate {
		statements.Add(1)
		return databasetest.Fate{}
	})
	// The records of refusals, written behind the calls, go another way.
	r := newReplicaOn(t, openDatabase(t, relay.URL), startAudit(t, openDatabase(t, target), quiet()))
	return ears{r, statements, newEstate(t, r, organization(t, r, "acme")), newEstate(t, r, organization(t, r, "globex"))}
}

func (e ears) count(t *testing.T, q question, about string) int64 {
	t.Helper()
	before := e.statements.Load()
	q.ask(t, e.replica, about)
	return e.statements.Load() - before
}

// compare asks a question both ways. The first time, a connection is told of a statement
// that it will see again, so the least of several attempts is what counts. The first attempts
// do not, unless they agree: what they made, as an invitation, the later ones find and replace.
func (e ears) compare(t *testing.T, q question) int64 {
	t.Helper()
	existing, absent := e.count(t, q, q.there), e.count(t, q, q.absent)
	for i := 0; i < 8 && existing != absent; i++ {
		there, nowhere := e.count(t, q, q.there), e.count(t, q, q.absent)
		if i > 0 {
			there, nowhere = min(existing, there), min(absent, nowhere)
		}
		existing, absent = there, nowhere
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
				if k != fields[place].apt && !oddKindOf(place, k) {
					continue
				}
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
	for name, pair := range forgeries(t, e.globex) {
		total += e.compareTokens(t, name, pair)
	}
	if total == 0 {
		t.Error("nothing was counted")
	}
}

// forgeries are tokens that nobody signed: with the claims of one that there is, and with
// those of one that there is not.
func forgeries(t *testing.T, globex *estate) map[string][2]string {
	t.Helper()
	forged := func(like string) string { return nobodys(texts, like) }
	return map[string][2]string{
		"a good token's claims": {forged(globex.token), unknown(t, globex.token)},
		"a revoked token's":     {forged(globex.revoked), unknown(t, globex.token)},
	}
}

// current asks with a token who it is.
func current(name, token string) question {
	return question{name: name, as: caller{"forger", token, ""}, method: "controlplane.v1.ContextService/Current"}
}

// compareTokens asks with the one token and with the other.
func (e ears) compareTokens(t *testing.T, name string, pair [2]string) int64 {
	t.Helper()
	var counted [2]int64
	for i, token := range pair {
		q := current(name, token)
		counted[i] = e.count(t, q, "")
		for range 8 {
			counted[i] = min(counted[i], e.count(t, q, ""))
		}
	}
	if counted[0] != counted[1] {
		t.Errorf("%s: %d statements, %d where there is no such token", name, counted[0], counted[1])
	}
	return counted[0]
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
