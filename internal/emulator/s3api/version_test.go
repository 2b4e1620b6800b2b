package s3api

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// versioning sets the versioning of the bucket "shared".
func (w *world) versioning(status string) {
	w.t.Helper()
	w.put(w.root, "/shared?versioning", "<VersioningConfiguration><Status>"+status+"</Status></VersioningConfiguration>").is(w.t, 200, "")
}

func (a answer) version() string { return a.Header.Get("X-Amz-Version-Id") }

// listedEntry is a version as ListObjectVersions shows it.
type listedEntry struct {
	Key, VersionID string
	Latest, Marker bool
}

// listVersions pages through ListObjectVersions.
func (w *world) listVersions(prefix, delimiter string, size int) (all []listedEntry, prefixes []string) {
	w.t.Helper()
	query := url.Values{"versions": {""}, "prefix": {prefix}, "delimiter": {delimiter}, "max-keys": {strconv.Itoa(size)}, "encoding-type": {"url"}}
	for range 200 {
		var page struct {
			IsTruncated         bool
			NextKeyMarker       string
			NextVersionIDMarker string `xml:"NextVersionIdMarker"`
			Entries             []struct {
				XMLName   xml.Name
				Key       string
				VersionID string `xml:"VersionId"`
				IsLatest  bool
				Prefix    string
			} `xml:",any"`
		}
		w.get(w.root, "/shared?"+query.Encode()).into(w.t, &page)
		n := 0
		for _, e := range page.Entries {
			switch e.XMLName.Local {
			case "Version", "DeleteMarker":
				all = append(all, listedEntry{unescape(w.t, e.Key), e.VersionID, e.IsLatest, e.XMLName.Local == "DeleteMarker"})
			case "CommonPrefixes":
				prefixes = append(prefixes, unescape(w.t, e.Prefix))
			default:
				continue
			}
			n++
		}
		if n > size || page.IsTruncated && n != size {
			w.t.Fatalf("a page of %d where %d were asked for", n, size)
		}
		if !page.IsTruncated {
			return all, prefixes
		}
		query.Set("key-marker", unescape(w.t, page.NextKeyMarker))
		query.Set("version-id-marker", page.NextVersionIDMarker)
		if page.NextVersionIDMarker == "" {
			query.Del("version-id-marker")
		}
	}
	w.t.Fatal("the listing does not end")
	return nil, nil
}

// The life of a key through all states of versioning. The rules are those of
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-objects-versioned-bucket.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VersionSuspendedBehavior.html.
func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.put(w.root, "/shared/k", "before")
	if before.version() != "" {
		t.Errorf("a version without versioning: %s", before.version())
	}
	w.versioning("Enabled")
	one := w.put(w.root, "/shared/k", "one").version()
	two := w.put(w.root, "/shared/k", "two").version()
	reads := func(version, want string) {
		t.Helper()
		path := "/shared/k"
		if version != "" {
			path += "?versionId=" + version
		}
		if got := w.get(w.root, path); got.Body != want || version != "" && got.version() != version {
			t.Errorf("version %q: got %d %q of version %q, want %q", version, got.Status, got.Body, got.version(), want)
		}
	}
	reads("", "two")
	reads(one, "one")
	reads(two, "two")
	reads("null", "before")

	marked := w.do(w.root, "DELETE", "/shared/k", "")
	marked.is(t, 204, "")
	marker := marked.version()
	if marker == "" || marked.Header.Get("X-Amz-Delete-Marker") != "true" {
		t.Errorf("delete: %v", marked.Header)
	}
	for _, method := range []string{"GET", "HEAD"} {
		gone := w.do(w.root, method, "/shared/k", "")
		gone.is(t, 404, "NoSuchKey")
		if gone.Header.Get("X-Amz-Delete-Marker") != "true" || gone.version() != marker {
			t.Errorf("%s of a hidden key: %v", method, gone.Header)
		}
		named := w.do(w.root, method, "/shared/k?versionId="+marker, "")
		named.is(t, 405, "MethodNotAllowed")
		if named.Header.Get("X-Amz-Delete-Marker") != "true" || named.Header.Get("Allow") != "DELETE" || named.Header.Get("Last-Modified") == "" {
			t.Errorf("%s of a marker: %v", method, named.Header)
		}
	}
	reads(two, "two")
	if got := w.listAll(2, "", "", "", 10).Keys; len(got) != 0 {
		t.Errorf("a hidden key is listed: %v", got)
	}
	// A delete marker is no object: AWS §7.2.
	w.put(w.root, "/shared/k", "x", "If-Match", `"any"`).is(t, 404, "NoSuchKey")
	three := w.put(w.root, "/shared/k", "three", "If-None-Match", "*")
	three.is(t, 200, "")
	w.put(w.root, "/shared/k", "x", "If-None-Match", "*").is(t, 412, "PreconditionFailed")

	w.versioning("Suspended")
	if v := w.put(w.root, "/shared/k", "four").version(); v != "" {
		t.Errorf("a version id while suspended: %s", v)
	}
	reads("null", "four")
	w.do(w.root, "DELETE", "/shared/k", "").is(t, 204, "") // takes the null version with it
	w.do(w.root, "GET", "/shared/k?versionId=null", "").is(t, 405, "MethodNotAllowed")

	w.restart()
	all, _ := w.listVersions("", "", 2)
	want := []listedEntry{
		{"k", "null", true, true}, {"k", three.version(), false, false}, {"k", marker, false, true}, {"k", two, false, false}, {"k", one, false, false},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	w.do(w.root, "DELETE", "/shared", "").is(t, 409, "BucketNotEmpty")

	// Without the markers the newest version is there again.
	undone := w.do(w.root, "DELETE", "/shared/k?versionId=null", "")
	undone.is(t, 204, "")
	if undone.version() != "null" || undone.Header.Get("X-Amz-Delete-Marker") != "true" {
		t.Errorf("deleting a marker: %v", undone.Header)
	}
	reads("", "three")
	if got := w.listAll(2, "", "", "", 10).Keys; len(got) != 1 {
		t.Errorf("the key is there again, but not listed: %v", got)
	}
	w.put(w.root, "/shared/k", "x", "If-None-Match", "*").is(t, 412, "PreconditionFailed")
	w.do(w.root, "DELETE", "/shared/k?versionId="+three.version(), "").is(t, 204, "")
	w.get(w.root, "/shared/k").is(t, 404, "NoSuchKey") // the older marker
	var out deleteResult
	w.do(w.root, "POST", "/shared?delete", fmt.Sprintf(`<Delete><Object><Key>k</Key><VersionId>%s</VersionId></Object><Object><Key>k</Key><VersionId>%s</VersionId></Object></Delete>`, marker, two)).into(t, &out)
	if diff := cmp.Diff([]deletedKey{{"k", marker, true, marker}, {"k", two, false, ""}}, out.Deleted); diff != "" {
		t.Error(diff)
	}
	reads("", "one")
	w.get(w.root, "/shared/k?versionId="+two).is(t, 404, "NoSuchVersion")
	w.do(w.root, "DELETE", "/shared/k?versionId="+two, "").is(t, 204, "")
	w.do(w.root, "DELETE", "/shared/k?versionId="+one, "").is(t, 204, "")
	w.noOrphans()
	w.do(w.root, "DELETE", "/shared", "").is(t, 204, "")
}

// DeleteObjects makes a marker for each key that it hides.
func TestDeleteObjectsMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	w.put(w.root, "/shared/k", "x").is(t, 200, "")
	var out deleteResult
	w.do(w.root, "POST", "/shared?delete", `<Delete><Object><Key>k</Key></Object></Delete>`).into(t, &out)
	if len(out.Deleted) != 1 || !out.Deleted[0].DeleteMarker || out.Deleted[0].DeleteMarkerVersionID == "" || out.Deleted[0].VersionID != "" {
		t.Errorf("%+v", out.Deleted)
	}
	w.get(w.root, "/shared/k").is(t, 404, "NoSuchKey")
}

// Each version has its tags.
func TestTagsOfVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	one := w.put(w.root, "/shared/k", "1", "x-amz-tagging", "n=1").version()
	w.put(w.root, "/shared/k", "2", "x-amz-tagging", "n=2").is(t, 200, "")
	w.put(w.root, "/shared/k?tagging&versionId="+one, `<Tagging><TagSet><Tag><Key>n</Key><Value>one</Value></Tag></TagSet></Tagging>`).is(t, 200, "")
	for query, want := range map[string]string{"": "<Value>2<", "&versionId=" + one: "<Value>one<"} {
		if got := w.get(w.root, "/shared/k?tagging"+query); !strings.Contains(got.Body, want) {
			t.Errorf("%q: want %s in %s", query, want, got.Body)
		}
	}
	w.get(w.root, "/shared/k?versionId="+one).is(t, 200, "")
}

// What a caller may do with versions
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html).
func TestVersionPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	id := w.put(w.root, "/shared/k", "x").version()
	within := []string{"arn:aws:s3:::shared", "arn:aws:s3:::shared/*"}
	plain := w.allowing("plain", []string{"s3:GetObject", "s3:DeleteObject"}, within)
	versions := w.allowing("versions", []string{"s3:GetObjectVersion", "s3:DeleteObjectVersion"}, within)
	one := w.role("one", statement(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::shared/*","Condition":{"StringEquals":{"s3:VersionId":"`+id+`"}}`))
	lister := w.allowing("lister", []string{"s3:ListBucketVersions"}, within)
	several := `<Delete><Object><Key>k</Key><VersionId>` + id + `</VersionId></Object></Delete>`
	w.get(plain, "/shared/k").is(t, 200, "")
	w.get(plain, "/shared/k?versionId="+id).is(t, 403, "AccessDenied")
	w.get(versions, "/shared/k?versionId="+id).is(t, 200, "")
	w.get(versions, "/shared/k").is(t, 403, "AccessDenied")
	w.get(one, "/shared/k").is(t, 403, "AccessDenied")
	w.get(one, "/shared/k?versionId="+id).is(t, 200, "")
	w.get(versions, "/shared/k?versionId="+id[:31]+"0").is(t, 403, "AccessDenied") // AWS §7.6
	w.get(plain, "/shared?versions").is(t, 403, "AccessDenied")
	w.get(lister, "/shared?versions").is(t, 200, "")
	w.get(lister, "/shared?list-type=2").is(t, 403, "AccessDenied")
	w.do(plain, "DELETE", "/shared/k?versionId="+id, "").is(t, 403, "AccessDenied")
	if got := w.do(plain, "POST", "/shared?delete", several); !strings.Contains(got.Body, "AccessDenied") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.do(plain, "DELETE", "/shared/k", "").is(t, 204, "")
	w.get(plain, "/shared/k").is(t, 403, "AccessDenied") // that it is hidden is not told
	if got := w.do(one, "POST", "/shared?delete", several); strings.Contains(got.Body, "Error") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// Of 32 writers who demand that there be nothing one wins, also behind a delete marker
// (AWS §7.2); of 32 who demand nothing each makes a version.
func TestOneWinnerWithVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	w.put(w.root, "/shared/k", "first").is(t, 200, "")
	w.do(w.root, "DELETE", "/shared/k", "").is(t, 204, "")
	const writers = 32
	race := func(headers ...string) (won []int, ids []string) {
		answers := make([]answer, writers)
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range writers {
			done.Go(func() {
				start.Wait()
				answers[i] = w.put(w.root, "/shared/k", strconv.Itoa(i), headers...)
			})
		}
		start.Done()
		done.Wait()
		for i, a := range answers {
			if a.Status == 200 {
				won, ids = append(won, i), append(ids, a.version())
				continue
			}
			a.is(t, 412, "PreconditionFailed")
		}
		return won, ids
	}
	won, ids := race("If-None-Match", "*")
	if len(won) != 1 {
		t.Fatalf("%d winners", len(won))
	}
	if got := w.get(w.root, "/shared/k"); got.Body != strconv.Itoa(won[0]) || got.version() != ids[0] {
		t.Errorf("writer %d won with version %s, but %q of %s is there", won[0], ids[0], got.Body, got.version())
	}
	_, ids = race()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != writers {
		t.Errorf("%d different versions", len(ids))
	}
	if all, _ := w.listVersions("", "", 7); len(all) != writers+3 {
		t.Errorf("%d versions", len(all))
	}
	w.noOrphans()
}

// Random writes and deletions against a model, read back by pages of every size.
func TestVersionsAgreeWithAModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := []string{"a", "a\x00", "a\x00b", "a/b", "a/b/c", "b", "ä"}
	rapid.Check(t, func(r *rapid.T) {
		w.versioning("Enabled")
		model := map[string][]listedEntry{} // newest first
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			key := rapid.SampledFrom(keys).Draw(r, "key")
			path := "/shared/" + url.PathEscape(key)
			old := model[key]
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0, 1:
				got := w.put(w.root, path, key)
				model[key] = append([]listedEntry{{key, got.version(), false, false}}, old...)
			case 2:
				got := w.do(w.root, "DELETE", path, "")
				model[key] = append([]listedEntry{{key, got.version(), false, true}}, old...)
			case 3:
				if len(old) > 0 {
					i := rapid.IntRange(0, len(old)-1).Draw(r, "version")
					w.do(w.root, "DELETE", path+"?versionId="+old[i].VersionID, "").is(t, 204, "")
					model[key] = slices.Delete(slices.Clone(old), i, i+1)
				}
			}
		}
		var want []listedEntry
		slices.Sort(keys)
		for _, key := range keys {
			for i, e := range model[key] {
				e.Latest = i == 0
				want = append(want, e)
			}
			visible := len(model[key]) > 0 && !model[key][0].Marker
			if got := w.get(w.root, "/shared/"+url.PathEscape(key)); (got.Status == 200) != visible {
				r.Errorf("%q: %d", key, got.Status)
			}
		}
		got, _ := w.listVersions("", "", rapid.IntRange(1, 5).Draw(r, "page"))
		if diff := cmp.Diff(want, got); diff != "" {
			r.Errorf("(-want +got):\n%s", diff)
		}
		var wantPrefixes []string
		if len(model["a/b"])+len(model["a/b/c"]) > 0 {
			wantPrefixes = []string{"a/"}
		}
		if _, prefixes := w.listVersions("a", "/", rapid.IntRange(1, 3).Draw(r, "page")); !cmp.Equal(wantPrefixes, prefixes) {
			r.Errorf("prefixes %v, want %v", prefixes, wantPrefixes)
		}
		for _, e := range want {
			w.do(w.root, "DELETE", "/shared/"+url.PathEscape(e.Key)+"?versionId="+e.VersionID, "").is(t, 204, "")
		}
		w.noOrphans()
	})
}

// The order of versions does not depend on the clock going forward.
func TestOrderOfVersions(t *testing.T) {
	t.Parallel()
	now := time.Now()
	last := orderAfter("", now)
	for _, at := range []time.Time{now, now.Add(-time.Hour), now.Add(time.Second), now} {
		next := orderAfter(last, at)
		if next >= last || len(next) != orderLength {
			t.Errorf("%s comes after %s", next, last)
		}
		last = next
	}
}
