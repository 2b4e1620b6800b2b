package web

import (
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func (s *site) token(t *testing.T, o org.Organization) string {
	t.Helper()
	text, _, err := s.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: "visitor", Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// organization returns the one of that name.
func (s *site) organization(t *testing.T, name string) org.Organization {
	t.Helper()
	o, err := s.DB.OrganizationByName(t.Context(), org.Name(name))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// pending makes an organization that nobody has provisioned, with its viewers.
func (s *site) pending(t *testing.T, name string, viewers ...registry.User) org.Organization {
	t.Helper()
	now := time.Now()
	o := org.Organization{ID: org.NewID(), Name: org.Name(name), State: org.Pending, CreatedAt: now, UpdatedAt: now}
	var members []registry.Membership
	for _, u := range viewers {
		members = append(members, registry.NewMembership(o.ID, u.ID, registry.Viewer, now))
	}
	if err := s.DB.CreateOrganization(t.Context(), o, members...); err != nil {
		t.Fatal(err)
	}
	return o
}

// ready makes one whose storage is there.
func (s *site) ready(t *testing.T, name string, viewers ...registry.User) org.Organization {
	t.Helper()
	o := s.pending(t, name, viewers...)
	s.Reconcile(t, o.ID)
	return o
}

// user is somebody whom an identity provider knows.
func (s *site) user(t *testing.T, who registry.Identity) registry.User {
	t.Helper()
	who.Issuer, who.EmailVerified = "https://id.example", true
	u, err := s.DB.SignIn(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
