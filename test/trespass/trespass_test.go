package trespass

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestEveryOperationInEveryPlace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
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
	s := newScene(t)
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
