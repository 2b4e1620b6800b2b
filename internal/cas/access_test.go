package cas_test

import (
	"errors"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// I1, W27: what a grant allows is its role, its organization and, when it is bound to
// one, its digest. There is no way to a ref of another organization.
func TestI1_Grant(t *testing.T) {
	t.Parallel()
	id := org.NewID()
	d, other := digest.Of([]byte("a")), digest.Of([]byte("b"))
	const up, down, either = "upload", "download", "describe"
	for _, test := range []struct {
		what    string
		grant   cas.Grant
		allowed []string
	}{
		{"uploader", cas.Grant{Org: id, Role: cas.Uploader}, []string{up, either}},
		{"downloader", cas.Grant{Org: id, Role: cas.Downloader}, []string{down, either}},
		{"uploader of it", cas.Grant{Org: id, Role: cas.Uploader, Digest: d}, []string{up, either}},
		{"downloader of it", cas.Grant{Org: id, Role: cas.Downloader, Digest: d}, []string{down, either}},
		{"uploader of another", cas.Grant{Org: id, Role: cas.Uploader, Digest: other}, nil},
		{"downloader of another", cas.Grant{Org: id, Role: cas.Downloader, Digest: other}, nil},
		{"no role", cas.Grant{Org: id}, nil},
		{"unknown role", cas.Grant{Org: id, Role: "admin"}, nil},
		{"no organization, uploader", cas.Grant{Role: cas.Uploader}, nil},
		{"no organization, downloader", cas.Grant{Role: cas.Downloader}, nil},
		{"nothing", cas.Grant{}, nil},
	} {
		got := map[string]error{}
		refs := map[string]cas.Ref{}
		refs[up], _, got[up] = test.grant.Upload(d, 100)
		refs[down], got[down] = test.grant.Download(d)
		refs[either], got[either] = test.grant.Describe(d)
		for _, allowed := range test.allowed {
			if got[allowed] != nil || refs[allowed] != (cas.Ref{Org: id, Digest: d}) {
				t.Errorf("%s: %s: %v, %v", test.what, allowed, refs[allowed], got[allowed])
			}
			delete(got, allowed)
		}
		for operation, err := range got {
			if !errors.Is(err, cas.ErrForbidden) || refs[operation] != (cas.Ref{}) {
				t.Errorf("%s: %s: %v, %v", test.what, operation, refs[operation], err)
			}
		}
	}
}

// The smaller of the two limits holds; a token cannot raise the server's.
func TestGrantLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ token, server, want int64 }{{0, 100, 100}, {50, 100, 50}, {100, 100, 100}, {200, 100, 100}, {1, 100, 1}} {
		g := cas.Grant{Org: org.NewID(), Role: cas.Uploader, MaxBytes: test.token}
		if _, got, err := g.Upload(digest.Of(nil), test.server); got != test.want || err != nil {
			t.Errorf("token %d, server %d: %d, %v", test.token, test.server, got, err)
		}
	}
}
