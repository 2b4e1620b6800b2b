package casgate_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

// I12: what AWS denies is worth another try while an organization is being set up or
// repaired, and not when it is gone, or when only an operator can repair it. A token
// that was issued before makes no difference.
func TestI12_WhereAnOrganizationStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, tc := range []struct {
		name   string
		state  org.State
		broken func(*testing.T, org.ID)
		status int
		kind   string
	}{
		{"ready, denied for now", "", func(t *testing.T, id org.ID) { s.Break(t, id) }, 503, "unavailable"},
		{"degraded, and works", org.Degraded, func(*testing.T, org.ID) {}, 200, ""},
		{"degraded, denied", org.Degraded, func(t *testing.T, id org.ID) { s.Break(t, id) }, 403, "denied"},
		{"being deleted, denied", org.Deleting, func(t *testing.T, id org.ID) { s.Break(t, id) }, 412, "precondition"},
		{"deleted", org.Deleting, func(t *testing.T, id org.ID) { s.Reconcile(t, id) }, 412, "precondition"},
	} {
		id := s.Org(t)
		content, d := rig.Content(100)
		if response, body := s.do(t, s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(content))); response.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s", response.Status, body)
		}
		if tc.state != "" {
			if _, err := s.DB.SetOrganizationState(t.Context(), id, tc.state, "access point is on another bucket"); err != nil {
				t.Fatal(err)
			}
		}
		tc.broken(t, id)
		more, other := rig.Content(100)
		for _, request := range []*http.Request{
			s.request(t, http.MethodGet, d, downloader(id, d), nil),
			s.request(t, http.MethodPut, other, uploader(id), bytes.NewReader(more)),
		} {
			response, body := s.do(t, request)
			ok := response.StatusCode == tc.status || tc.status == 200 && response.StatusCode == 201
			if !ok || tc.kind != "" && !strings.Contains(body, `"kind":"`+tc.kind+`"`) {
				t.Errorf("%s: %s: %s %s, want %d", tc.name, request.Method, response.Status, body, tc.status)
			}
			if (response.Header.Get("Retry-After") != "") != (tc.kind == "unavailable") {
				t.Errorf("%s: Retry-After %q", tc.name, response.Header.Get("Retry-After"))
			}
		}
	}
	// One that nobody ever heard of is gone, too.
	_, d := rig.Content(1)
	if response, body := s.do(t, s.request(t, http.MethodGet, d, downloader(org.NewID(), d), nil)); response.StatusCode != 412 {
		t.Errorf("%s %s", response.Status, body)
	}
}
