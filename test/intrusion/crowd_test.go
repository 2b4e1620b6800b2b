package intrusion

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// crowd is many organizations whose tokens and people all call at once, while they change.
type crowd struct {
	replicas []*replica
	members  []*crowded
	owners   sync.Map      // of ids: to the index of their organization
	atOnce   chan struct{} // places for calls that are made at a time
	calls    atomic.Int64
	rows     atomic.Int64 // that were looked at
}

// crowded is one of the organizations. Its mark is in the name of everything it has.
type crowded struct {
	index  int
	mark   string
	org    org.Organization
	digest digest.Digest
	tokens []*crowdToken
	owner  string // logins
	worker string
	hired  registry.Membership
	user   registry.User
	nomad  string                           // of somebody who is also in the next organization
	stays  map[*crowded]registry.Membership // the nomad's
}

type crowdToken struct {
	text string
	id   uuid.UUID
	// revoking is set before the revocation is asked for, gone when it has been answered.
	revoking, gone, used atomic.Bool
}

// TestCrowd finds no row of another organization, and no outcome that is not one of those
// that the caller's own situation explains.
func TestCrowd(t *testing.T) {
	t.Parallel()
	target := databasetest.Fresh(t, database.Migrate)
	c := &crowd{replicas: []*replica{newReplica(t, target), newReplica(t, target)}, atOnce: make(chan struct{}, 64)}
	var filling sync.WaitGroup
	c.members = make([]*crowded, crowdOrganizations)
	places := make(chan struct{}, 8)
	for i := range c.members {
		filling.Go(func() {
			places <- struct{}{}
			defer func() { <-places }() // also of one that fails, for which others would wait
			c.members[i] = c.found(t, i)
		})
	}
	filling.Wait()
	if t.Failed() {
		return
	}
	for i, o := range c.members { // each has a member who is in the next one, too
		c.settle(t, o, c.members[(i+1)%len(c.members)])
	}

	ctx, stop := context.WithTimeout(t.Context(), crowdTime)
	defer stop()
	var acting sync.WaitGroup
	for _, o := range c.members {
		for n, token := range o.tokens {
			acting.Go(func() { c.use(t, ctx, o, token, n) })
		}
		acting.Go(func() { c.govern(t, ctx, o) })
		acting.Go(func() { c.work(t, ctx, o) })
		acting.Go(func() { c.roam(t, ctx, o, c.members[(o.index+1)%len(c.members)]) })
	}
	acting.Wait()
	used := 0
	for _, o := range c.members {
		for _, token := range o.tokens {
			if token.used.Load() {
				used++
			}
		}
	}
	t.Logf("%d organizations, %d of %d tokens used: %d calls, %d values of an owner looked at", len(c.members), used, len(c.members)*crowdTokens, c.calls.Load(), c.rows.Load())
	// Each makes its first call however late that is; but those that an owner revokes may be
	// gone by then.
	if least := len(c.members) * (crowdTokens - crowdTokens/2); used < least {
		t.Errorf("%d tokens were used, want at least %d", used, least)
	}
	if c.rows.Load() < 5*int64(len(c.members)) {
		t.Error("hardly anything came back")
	}
}

func (c *crowd) own(o *crowded, ids ...string) {
	for _, id := range ids {
		c.owners.Store(id, o.index)
	}
}

// found makes an organization with its tokens, people and artifacts.
func (c *crowd) found(t *testing.T, index int) *crowded {
	r := c.replicas[index%len(c.replicas)]
	o := &crowded{index: index, mark: fmt.Sprintf("mark%04d", index)}
	o.org = organization(t, r, o.mark)
	c.own(o, o.org.ID.String())
	list, err := r.db.Backends(t.Context(), o.org.ID)
	check(t, err)
	for _, b := range list {
		c.own(o, b.ID.String())
	}
	for n := range crowdTokens {
		text, record, err := r.tokens.Issue(t.Context(), auth.NewToken{Organization: o.org, Name: fmt.Sprintf("%s-%d", o.mark, n)})
		check(t, err)
		c.own(o, record.ID.String())
		o.tokens = append(o.tokens, &crowdToken{text: text, id: record.ID})
	}
	_, _, o.owner = c.hire(t, o, "owner", registry.Owner)
	o.user, o.hired, o.worker = c.hire(t, o, "worker", registry.Member)
	var artifacts []registry.Artifact
	for n := range 3 {
		d := digest.Of(fmt.Appendf(nil, "%s %d", o.mark, n))
		o.digest = d
		c.own(o, d.String())
		artifacts = append(artifacts, registry.Artifact{Org: o.org.ID, Digest: d, FileName: o.mark + ".txt", Uploader: o.mark, StoredAt: time.Now().UTC().Truncate(time.Microsecond)})
	}
	check(t, r.db.AddArtifacts(t.Context(), artifacts))
	return o
}

func (c *crowd) hire(t *testing.T, o *crowded, who string, role registry.Role) (registry.User, registry.Membership, string) {
	u, login := c.signIn(t, o.mark+"-"+who)
	m := c.join(t, o, u, role)
	check(t, c.replicas[0].db.SetCurrentOrganization(t.Context(), u.ID, o.org.ID))
	c.own(o, u.ID.String())
	return u, m, login
}

func (c *crowd) signIn(t *testing.T, name string) (registry.User, string) {
	r := c.replicas[0]
	u, err := r.db.SignIn(t.Context(), registry.Identity{
		Issuer: "https://id.example", Subject: name, Email: name + "@example.com", EmailVerified: true, FirstName: name,
	})
	check(t, err)
	login, _, err := r.tokens.LogIn(t.Context(), u, "crowd", 0)
	check(t, err)
	return u, login
}

func (c *crowd) join(t *testing.T, o *crowded, u registry.User, role registry.Role) registry.Membership {
	now := time.Now()
	i := registry.Invitation{ID: uuid.New(), Org: o.org.ID, Email: u.Email, Role: role, InvitedBy: o.mark, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	check(t, c.replicas[0].db.Invite(t.Context(), i))
	m, err := c.replicas[0].db.AcceptInvitation(t.Context(), i.ID, u, now)
	check(t, err)
	c.own(o, m.ID.String())
	return m
}

// settle makes somebody who is a member of two organizations, and has no mark of either.
func (c *crowd) settle(t *testing.T, o, next *crowded) {
	t.Helper()
	u, login := c.signIn(t, "nomad-"+uuid.NewString())
	o.nomad, o.stays = login, map[*crowded]registry.Membership{o: c.join(t, o, u, registry.Viewer), next: c.join(t, next, u, registry.Viewer)}
}

func check(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

var (
	marks = regexp.MustCompile(`mark\d{4}`)
	ids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sha256:[0-9a-f]{64}`)
)

// of returns the organizations that an answer has something of, with what that is.
func (c *crowd) of(a answer, said string) map[int]string {
	text := a.outcome + a.shown
	for _, token := range jwts.FindAllStringSubmatch(a.shown, -1) {
		claims, _ := base64.RawURLEncoding.DecodeString(token[1])
		text += string(claims)
	}
	if said != "" {
		text = strings.ReplaceAll(text, said, "")
	}
	found := map[int]string{}
	for _, mark := range marks.FindAllString(text, -1) {
		n, _ := strconv.Atoi(strings.TrimPrefix(mark, "mark"))
		found[n] = mark
		c.rows.Add(1)
	}
	for _, id := range ids.FindAllString(text, -1) {
		if n, ok := c.owners.Load(id); ok {
			found[n.(int)] = id
			c.rows.Add(1)
		}
	}
	return found
}

// call makes a call and looks at what comes back: of nobody but o, and with one of the
// outcomes, which may be known only afterwards. When the crowd's time is over, it makes none
// and says so.
func (c *crowd) call(t *testing.T, ctx context.Context, o *crowded, as caller, method, path, value string, outcomes func() []string) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case c.atOnce <- struct{}{}:
	}
	r := c.replicas[rand.IntN(len(c.replicas))]
	got := send(t, r.conn, as, method, request(t, method, path, value))
	<-c.atOnce
	c.calls.Add(1)
	for n, what := range c.of(got, value) {
		if n != o.index {
			t.Errorf("%s as %s of %s: the answer has %s of mark%04d:\n%s %s", method, as.name, o.mark, what, n, got.outcome, got.shown)
		}
	}
	if want := outcomes(); !slices.Contains(want, got.outcome) {
		t.Errorf("%s as %s of %s: %q, want one of %q", method, as.name, o.mark, got.outcome, want)
	}
	return true
}

func one(of ...string) func() []string { return func() []string { return of } }
