package trespass

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// inEveryMode holds what the thief tries against every kind of session policy.
func inEveryMode(t *testing.T, try func(*testing.T, *scene)) {
	t.Helper()
	for _, mode := range modes() {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			try(t, newScene(t, mode))
		})
	}
}

func TestEveryOperationInEveryPlace(t *testing.T) {
	t.Parallel()
	inEveryMode(t, everyOperationInEveryPlace)
}

func everyOperationInEveryPlace(t *testing.T, s *scene) {
	for _, name := range slices.Sorted(maps.Keys(s.places())) {
		at := s.places()[name]
		for _, op := range s.onObjects() {
			keys := s.spellings(s.key)
			if strings.Contains(op.query, "pload") {
				keys = s.spellings(s.key + "-upload")
			}
			for _, key := range keys {
				s.try(t, name, request{method: op.method, target: withQuery(at.before+key, op.query), host: at.host, headers: op.headers, body: op.body})
			}
		}
		for _, op := range s.onBucket() {
			s.try(t, name, request{method: op.method, target: withQuery(at.before, op.query), host: at.host, headers: op.headers, body: op.body})
		}
	}
	s.intact(t)
}

func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// A copy reads, too: its source may be as far away as a header reaches.
func TestCopiesOfTheirs(t *testing.T) {
	t.Parallel()
	inEveryMode(t, copiesOfTheirs)
}

func copiesOfTheirs(t *testing.T, s *scene) {
	in := s.rig.Installation
	host, own := s.apHost(s.mine), "/"+s.mine.KeyPrefix()
	var sources []string
	for _, key := range s.spellings(s.key) {
		for _, before := range []string{
			in.BucketName + "/", "/" + in.BucketName + "/", in.BucketName + "%2F", s.alias + "/", "/" + s.alias + "/",
			s.theirs.APARN() + "/object/", "/" + s.theirs.APARN() + "/object/", url.QueryEscape(s.theirs.APARN()) + "/object/",
			s.mine.APARN() + "/object/", s.mine.APARN() + "/object/" + s.mine.KeyPrefix() + "../",
			s.mine.APARN() + "/object/" + s.theirs.APARN() + "/object/",
		} {
			sources = append(sources, before+key, before+key+"?versionId=null")
		}
	}
	for i, source := range sources {
		header := [][2]string{{"X-Amz-Copy-Source", source}}
		s.try(t, source, request{method: "PUT", target: fmt.Sprintf("%scopy-%d", own, i), host: host, headers: header})
		s.try(t, source, request{method: "PUT", target: "/" + s.own.key + "-upload?partNumber=1&uploadId=" + s.own.upload, host: host, headers: header})
		both := append(slices.Clone(header), [2]string{"X-Amz-Copy-Source", s.mine.APARN() + "/object/" + s.own.key})
		s.try(t, source, request{method: "PUT", target: own + "both", host: host, headers: both})
		slices.Reverse(both)
		s.try(t, source, request{method: "PUT", target: own + "both", host: host, headers: both})
	}
	s.intact(t)
	for _, key := range s.rig.Objects(t) {
		got := s.thief.send(t, request{method: "GET", target: "/" + key, host: host})
		if got.status == 200 && got.body == string(s.content) {
			t.Errorf("%q is their artifact", key)
		}
	}
}

// A body with two lengths must not hide a second request in the first one's connection,
// nor may a request have two hosts.
func TestTwoRequestsInOne(t *testing.T) {
	t.Parallel()
	inEveryMode(t, twoRequestsInOne)
}

func twoRequestsInOne(t *testing.T, s *scene) {
	q := request{method: "PUT", target: "/" + s.mine.KeyPrefix() + "k", host: s.apHost(s.mine)}
	signed := ""
	for _, h := range s.thief.signature(t, q) {
		signed += h[0] + ": " + h[1] + "\r\n"
	}
	hidden := "GET /" + s.key + " HTTP/1.1\r\nHost: " + s.apHost(s.theirs) + "\r\n\r\n"
	begin := "PUT " + q.target + " HTTP/1.1\r\nHost: " + q.host + "\r\n" + signed
	for name, text := range map[string]string{
		"length, then chunks": begin + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks, then length": begin + fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s", len(hidden)+5, hidden),
		"two lengths":         begin + fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"chunks of a kind":    begin + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
		"a space in the name": begin + "Content-Length : 0\r\n\r\n" + hidden,
		"two hosts":           begin + "Host: " + s.apHost(s.theirs) + "\r\nContent-Length: 0\r\n\r\n",
	} {
		if got := s.thief.raw(t, "PUT", text); got.status < 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for _, e := range s.rig.AWS.Journal().Entries(journal.Filter{Operation: "GetObject"}) {
		if strings.Contains(e.Resource, s.key) && e.Status < 300 {
			t.Errorf("%s of %q was done for %q", e.Operation, e.Resource, e.Caller)
		}
	}
	s.thief.send(t, request{method: "GET", target: "/" + s.key, host: s.apHost(s.theirs)})
	s.intact(t)
}
