package intrusion

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

// scene is an installation with acme, whose people and tokens attack, and globex, which is
// attacked. Of each another organization was deleted.
type scene struct {
	*replica

	rig          *rig.Rig
	acme, globex *estate
	cas          *grpc.ClientConn
	casServer    *grpc.Server
	http         *httptest.Server
	// content is an artifact that only globex has, and ownContent one that only acme has.
	content, ownContent []byte
	digest, ownDigest   digest.Digest
}

func newScene(t *testing.T) *scene {
	t.Helper()
	r := rig.New(t, rig.Options{Catalogue: true})
	s := &scene{rig: r, replica: newReplica(t, r.Database()), http: r.HTTP(t)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.casServer = r.ServeGRPC(t, listener)
	s.cas = dial(t, listener.Addr().String())
	s.acme, s.globex = s.estate(t, "acme"), s.estate(t, "globex")
	s.content, s.digest = s.store(t, s.globex)
	s.ownContent, s.ownDigest = s.store(t, s.acme)
	for name, e := range map[string]*estate{"formerly-acme": s.acme, "formerly-globex": s.globex} {
		gone := s.ready(t, name)
		for _, state := range []org.State{org.Deleting, org.Deleted} {
			_, err := s.db.SetOrganizationState(t.Context(), gone.ID, state, "")
			must(t, err)
		}
		e.add(goneNames, name)
		e.add(orgs, gone.ID.String())
	}
	return s
}

// ready creates an organization whose storage is there.
func (s *scene) ready(t *testing.T, name string) org.Organization {
	t.Helper()
	site := s.rig.Organization(t, name)
	o, err := s.db.OrganizationByID(t.Context(), site)
	must(t, err)
	return o
}

func (s *scene) estate(t *testing.T, name string) *estate {
	t.Helper()
	return newEstate(t, s.replica, s.ready(t, name))
}

// store puts an artifact into an organization's storage and its catalogue.
func (s *scene) store(t *testing.T, e *estate) ([]byte, digest.Digest) {
	t.Helper()
	content, d := rig.Content(300)
	_, err := s.rig.Store.Put(t.Context(), cas.Ref{Org: e.org.ID, Digest: d}, int64(len(content)), bytes.NewReader(content), cas.Label{FileName: "stored"})
	must(t, err)
	e.catalogue(t, s.replica, d, string(e.org.Name)+"-stored.txt")
	return content, d
}

// attackers are those of acme who try what a row says, in the order of its outcomes.
func (s *scene) attackers(t *testing.T, method string) (*grpc.ClientConn, [2]caller) {
	t.Helper()
	if _, ofCAS := s.services()[method]; ofCAS {
		return s.cas, [2]caller{
			{"uploader", s.rig.Token(t, cas.Grant{Org: s.acme.org.ID, Role: cas.Uploader, MaxBytes: 1 << 20}), ""},
			{"downloader", s.rig.Token(t, cas.Grant{Org: s.acme.org.ID, Role: cas.Downloader, Digest: s.digest}), ""},
		}
	}
	return s.conn, [2]caller{
		{"owner", s.acme.logins[registry.Owner], string(s.acme.org.Name)},
		{"token", s.acme.token, ""},
	}
}

// services are the methods of the CAS.
func (s *scene) services() map[string]bool {
	methods := map[string]bool{}
	for service, info := range s.casServer.GetServiceInfo() {
		for _, m := range info.Methods {
			methods[service+"/"+m.Name] = true
		}
	}
	return methods
}

// all are the methods of both.
func (s *scene) all() []string {
	methods := s.services()
	for service, info := range s.server.GetServiceInfo() {
		for _, m := range info.Methods {
			methods[service+"/"+m.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(methods))
}

// snapshot is what an organization is and has, in the database.
func (s *scene) snapshot(t *testing.T, e *estate) string {
	t.Helper()
	var b strings.Builder
	o, err := s.db.OrganizationByID(t.Context(), e.org.ID)
	must(t, err)
	fmt.Fprintln(&b, o.Name, o.State, o.Reason)
	issued, err := s.db.Tokens(t.Context(), o.ID)
	must(t, err)
	for _, token := range issued {
		fmt.Fprintln(&b, "token", token.ID, token.Name, token.RevokedAt, token.ExpiresAt)
	}
	members, n, err := s.db.Members(t.Context(), o.ID, registry.MemberFilter{}, 0, 1000)
	must(t, err)
	for _, m := range members {
		u, err := s.db.User(t.Context(), m.User.ID)
		must(t, err)
		fmt.Fprintln(&b, "member", n, m.Membership.ID, m.Role, u.Email, u.Current)
	}
	invited, err := s.db.Invitations(t.Context(), o.ID, 1000)
	must(t, err)
	for _, i := range invited {
		fmt.Fprintln(&b, "invitation", i.ID, i.Email, i.Role, i.AcceptedAt, i.RevokedAt)
	}
	list, err := s.db.Backends(t.Context(), o.ID)
	must(t, err)
	for _, each := range list {
		fmt.Fprintf(&b, "backend %+v\n", each)
	}
	trusted, err := s.db.Trusts(t.Context(), o.ID, 1000)
	must(t, err)
	for _, each := range trusted {
		fmt.Fprintf(&b, "trust %+v\n", each)
	}
	for _, id := range e.values[runs] {
		run, err := s.db.Run(t.Context(), o.ID, uuid.MustParse(id))
		must(t, err)
		fmt.Fprintf(&b, "run %+v\n", run)
	}
	stored, err := s.db.Artifacts(t.Context(), o.ID, o.CreatedAt.AddDate(1, 0, 0), digest.Digest{}, 1000)
	must(t, err)
	for _, a := range stored {
		fmt.Fprintf(&b, "artifact %+v\n", a)
	}
	prefix := s.rig.Installation.Tenant(o.ID).KeyPrefix()
	for _, key := range s.rig.Objects(t) {
		if strings.HasPrefix(key, prefix) {
			fmt.Fprintln(&b, key)
		}
	}
	owned, _, err := s.db.MembershipsOf(t.Context(), e.people[registry.Owner].ID, "", 1000)
	must(t, err)
	fmt.Fprintln(&b, "organizations of its owner", len(owned))
	return b.String()
}
