package intrusion

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// kind is a kind of value that tells one organization from another.
type kind string

const (
	names       kind = "name of an organization"
	goneNames   kind = "name of a deleted organization"
	orgs        kind = "id of an organization"
	memberships kind = "id of a membership"
	users       kind = "id of a user"
	people      kind = "name of a person"
	emails      kind = "e-mail address"
	invitations kind = "id of an invitation"
	tokens      kind = "id of a token"
	logins      kind = "id of a login"
	tokenNames  kind = "name of a token"
	backends    kind = "id of a storage backend"
	digests     kind = "digest"
	hexes       kind = "digest in hexadecimal"
	files       kind = "name of a file"
	cursors     kind = "cursor of artifacts"
	nameCursors kind = "cursor of organizations"
	texts       kind = "token"
	trusts      kind = "id of a trust"
	flows       kind = "name of a workflow"
	projects    kind = "name of a project"
	runs        kind = "id of a run"
)

// estate is an organization with everything in it.
type estate struct {
	org     org.Organization
	mark    string // in the names of all that it has
	values  map[kind][]string
	token   string                   // a good one
	revoked string                   // one that was
	logins  map[registry.Role]string // of a user in each role
	members map[registry.Role]registry.Membership
	people  map[registry.Role]registry.User
	ids     map[string]uuid.UUID // of tokens, by name
}

func (e *estate) add(k kind, value string) { e.values[k] = append(e.values[k], value) }

// newEstate fills an organization that exists.
func newEstate(t *testing.T, r *replica, o org.Organization) *estate {
	t.Helper()
	return newEstateOf(t, r, o, string(o.Name))
}

// newEstateOf is newEstate with another mark than the name on all that is in it.
func newEstateOf(t *testing.T, r *replica, o org.Organization, mark string) *estate {
	t.Helper()
	e := &estate{
		mark: mark, org: o, values: map[kind][]string{}, logins: map[registry.Role]string{},
		members: map[registry.Role]registry.Membership{}, people: map[registry.Role]registry.User{}, ids: map[string]uuid.UUID{},
	}
	name := mark
	e.add(names, string(o.Name))
	e.add(orgs, o.ID.String())
	e.add(nameCursors, base64.RawURLEncoding.EncodeToString([]byte(o.Name)))
	for _, n := range []string{"ci", "revoked", "expiring"} {
		request := auth.NewToken{Organization: o, Name: name + "-" + n}
		if n == "expiring" {
			request.Lifetime = time.Hour
		}
		text, record, err := r.tokens.Issue(t.Context(), request)
		must(t, err)
		e.add(tokens, record.ID.String())
		e.add(tokenNames, record.Name)
		e.add(texts, text)
		e.ids[n] = record.ID
		switch n {
		case "ci":
			e.token = text
		case "revoked":
			e.revoked = text
			must(t, r.tokens.Revoke(t.Context(), o.ID, record.ID))
		}
	}
	for _, role := range registry.Roles {
		e.employ(t, r, role)
	}
	for _, id := range []uuid.UUID{e.invite(t, r, "new-"+name+"@example.com", registry.Viewer).ID, e.invite(t, r, "boss-"+name+"@example.com", registry.Owner).ID} {
		e.add(invitations, id.String())
	}
	taken := e.invite(t, r, "taken-back-"+name+"@example.com", registry.Viewer)
	must(t, r.db.RevokeInvitation(t.Context(), o.ID, taken.ID, time.Now()))
	e.add(invitations, taken.ID.String())
	list, err := r.db.Backends(t.Context(), o.ID)
	must(t, err)
	for _, b := range list {
		e.add(backends, b.ID.String())
	}
	e.trust(t, r)
	e.attest(t, r)
	for i := range 3 {
		e.catalogue(t, r, digest.Of(fmt.Appendf(nil, "artifact %d of %s", i, o.ID)), fmt.Sprintf("%s-secret-%d.txt", name, i))
	}
	return e
}

// employ signs a user in who has the role.
func (e *estate) employ(t *testing.T, r *replica, role registry.Role) {
	t.Helper()
	who := string(role) + "-of-" + e.mark
	u, err := r.db.SignIn(t.Context(), registry.Identity{
		Issuer: "https://id.example", Subject: who, Email: who + "@example.com", EmailVerified: true, FirstName: who, LastName: "Family " + who,
	})
	must(t, err)
	text, login, err := r.tokens.LogIn(t.Context(), u, "client of "+who, 0)
	must(t, err)
	m, err := r.db.AcceptInvitation(t.Context(), e.invite(t, r, u.Email, role).ID, u, time.Now())
	must(t, err)
	must(t, r.db.SetCurrentOrganization(t.Context(), u.ID, e.org.ID))
	e.logins[role], e.members[role], e.people[role] = text, m, u
	e.add(texts, text)
	e.add(logins, login.ID.String())
	e.add(users, u.ID.String())
	e.add(people, u.LastName)
	e.add(memberships, m.ID.String())
}

func (e *estate) invite(t *testing.T, r *replica, email string, role registry.Role) registry.Invitation {
	t.Helper()
	now := time.Now()
	i := registry.Invitation{
		ID: uuid.New(), Org: e.org.ID, Email: email, Role: role, InvitedBy: "somebody of " + string(e.org.Name),
		CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	must(t, r.db.Invite(t.Context(), i))
	e.add(emails, email)
	return i
}

// trust lets the pipelines of a provider in.
func (e *estate) trust(t *testing.T, r *replica) {
	t.Helper()
	made := registry.Trust{
		ID: uuid.New(), Org: e.org.ID, Name: e.mark + "-pipelines", Issuer: "https://ci.example/" + e.mark, Audience: e.mark,
		Subjects: []string{"repo:" + e.mark + "/*"}, Lifetime: time.Minute, Enabled: true, CreatedAt: time.Now(), CreatedBy: e.mark,
	}
	must(t, r.db.CreateTrust(t.Context(), made))
	e.add(trusts, made.ID.String())
}

// attest begins a run of a workflow.
func (e *estate) attest(t *testing.T, r *replica) {
	t.Helper()
	flow, project := e.mark+"-flow", e.mark+"-project"
	_, err := r.db.FindOrCreateWorkflow(t.Context(), registry.NewWorkflow{
		Org: e.org.ID, Project: project, Name: flow, Contract: registry.NewContract{Name: flow, Format: registry.ContractYAML, Body: "schemaVersion: v1\n# of " + e.mark + "\n"},
	})
	must(t, err)
	_, run, err := r.db.CreateRun(t.Context(), registry.NewRun{Org: e.org.ID, Project: project, Name: flow, JobURL: "https://ci.example/" + e.mark, Lifetime: time.Hour})
	must(t, err)
	e.add(flows, flow)
	e.add(projects, project)
	e.add(runs, run.ID.String())
}

// catalogue adds an entry for an artifact.
func (e *estate) catalogue(t *testing.T, r *replica, d digest.Digest, file string) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Microsecond)
	must(t, r.db.AddArtifacts(t.Context(), []registry.Artifact{{
		Org: e.org.ID, Digest: d, Size: 20, FileName: file, Uploader: "uploader of " + string(e.org.Name), StoredAt: at,
	}}))
	e.add(digests, d.String())
	e.add(hexes, d.Hex())
	e.add(files, file)
	e.add(cursors, artifactCursor(at, d.Hex()))
}

func artifactCursor(at time.Time, hexed string) string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())), hexed...))
}

// nobodys returns a value of the kind, that nobody has.
func nobodys(k kind, like string) string {
	sum := make([]byte, 32)
	for i := range sum {
		sum[i] = byte(rand.Uint32())
	}
	word := "w" + hex.EncodeToString(sum[:6])
	switch k {
	case names, goneNames, tokenNames, flows, projects:
		return word
	case emails:
		return word + "@example.com"
	case digests:
		return "sha256:" + hex.EncodeToString(sum)
	case hexes:
		return hex.EncodeToString(sum)
	case files:
		return word + ".txt"
	case people:
		return "Family " + word
	case cursors: // of the same moment, so that the page behind it is the same
		raw, _ := base64.RawURLEncoding.DecodeString(like)
		return base64.RawURLEncoding.EncodeToString(append(raw[:8], hex.EncodeToString(sum)...))
	case nameCursors:
		return base64.RawURLEncoding.EncodeToString([]byte(word))
	case texts: // the same claims, signed by nobody
		return like[:strings.LastIndexByte(like, '.')+1] + base64.RawURLEncoding.EncodeToString(append(sum, sum...))
	}
	return uuid.NewString()
}
