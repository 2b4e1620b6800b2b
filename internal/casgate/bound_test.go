package casgate_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

// A token of one organization with the storage backend of another is good for nothing,
// whichever kind of backend that is.
func TestOrganizationAndBackendBelongTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{OwnBuckets: true})
	acme, mallory := s.Org(t), s.Org(t)
	own := s.OwnBackend(t, acme, s.CustomerBucket(t, acme))
	list, err := s.DB.Backends(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	var managed uuid.UUID
	for _, b := range list {
		if b.Managed {
			managed = b.ID
		}
	}
	content, d := rig.Content(100)
	put := func(id org.ID, backend uuid.UUID) (int, string) {
		t.Helper()
		grant := uploader(id)
		grant.Backend = backend
		response, body := s.do(t, s.request(t, http.MethodPut, d, grant, bytes.NewReader(content)))
		return response.StatusCode, body
	}
	for _, tc := range []struct {
		what    string
		id      org.ID
		backend uuid.UUID
		status  int
	}{
		{"its own bucket", acme, own.ID, 201},
		{"its own bucket again", acme, own.ID, 200},
		{"its managed storage, where it is not yet", acme, managed, 201},
		{"another's bucket", mallory, own.ID, 403},
		{"another's managed storage", mallory, managed, 403},
		{"nobody's", mallory, uuid.New(), 403},
	} {
		if status, body := put(tc.id, tc.backend); status != tc.status || status == 403 && !strings.Contains(body, "no such storage backend") {
			t.Errorf("%s: %d %s, want %d", tc.what, status, body, tc.status)
		}
	}
	// A direct transfer is for the managed storage.
	grant := cas.Grant{Org: acme, Role: cas.Downloader, Digest: d, Backend: own.ID}
	if _, _, err := s.Direct.Download(t.Context(), grant, d, false); err == nil || !strings.Contains(err.Error(), "own bucket") {
		t.Errorf("a direct download from an own bucket: %v", err)
	}
	grant.Backend = uuid.Nil
	if _, _, err := s.Direct.Download(t.Context(), grant, d, false); err != nil {
		t.Errorf("a direct download from the managed storage: %v", err)
	}
}
