package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Nobody is told that they are signed out, or not signed in, by a server that cannot know.
func TestADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := newBrowser(t)
	b.get(s.url + "/auth/login")
	form := formOf(t, b.get(s.url+"/auth/device"))
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	b.stopAt("/auth/login")
	for what, got := range map[string]page{
		"signing out": b.post(s.url+"/auth/logout", nil), "the page for devices": b.get(s.url + "/auth/device"),
		"a code": b.post(s.url+"/auth/device", url.Values{"csrf": {form}, "code": {"BBBB-BBBB"}}),
	} {
		if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "The database does not answer") {
			t.Errorf("%s: %d %s", what, got.StatusCode, got.body)
		}
	}
	if b.login(s) == "" {
		t.Error("the browser has forgotten a login that is still good")
	}
}

// Browsers keep no cookie that is too long, and with it nobody could sign in.
func TestLongPathsAreNotReturnedTo(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	longest := "/" + strings.Repeat("x", 1023)
	for target, want := range map[string]string{longest: longest, longest + "x": "/"} {
		if got := newBrowser(t).get(s.url + "/auth/login?return=" + target); got.body != "home "+want {
			t.Errorf("%d bytes: back at %.40q", len(target), got.body)
		}
	}
}
