package s3api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// listedPages is what all pages of a listing hold together.
type listedPages struct {
	Keys     []string
	Prefixes []string
	Pages    int
}

// listAll pages through ListObjectsV2, or V1 when v is 1.
func (w *world) listAll(v int, prefix, delimiter, after string, size int) listedPages {
	w.t.Helper()
	var all listedPages
	query := url.Values{"prefix": {prefix}, "max-keys": {strconv.Itoa(size)}, "encoding-type": {"url"}}
	if delimiter != "" {
		query.Set("delimiter", delimiter)
	}
	query.Set("marker", after)
	if v == 2 {
		query.Del("marker")
		query.Set("list-type", "2")
		query.Set("start-after", after)
	}
	for {
		var page struct {
			IsTruncated           bool
			NextMarker            string
			NextContinuationToken string
			Contents              []struct{ Key string }
			CommonPrefixes        []struct{ Prefix string }
		}
		w.get(w.root, "/shared?"+query.Encode()).into(w.t, &page)
		all.Pages++
		for _, c := range page.Contents {
			all.Keys = append(all.Keys, unescape(w.t, c.Key))
		}
		for _, p := range page.CommonPrefixes {
			all.Prefixes = append(all.Prefixes, unescape(w.t, p.Prefix))
		}
		if n := len(page.Contents) + len(page.CommonPrefixes); n > size || page.IsTruncated && n != size {
			w.t.Fatalf("a page of %d where %d were asked for", n, size)
		}
		if !page.IsTruncated || all.Pages > 100 {
			return all
		}
		switch {
		case v == 2:
			query.Set("continuation-token", page.NextContinuationToken)
		case page.NextMarker != "":
			query.Set("marker", unescape(w.t, page.NextMarker))
		default:
			query.Set("marker", all.Keys[len(all.Keys)-1])
		}
	}
}

func unescape(t testing.TB, s string) string {
	t.Helper()
	out, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expected lists keys as the documentation of ListObjectsV2 says it.
func expected(keys []string, prefix, delimiter, after string) (out listedPages) {
	for _, k := range keys {
		if k <= after || !strings.HasPrefix(k, prefix) {
			continue
		}
		if before, _, ok := strings.Cut(k[len(prefix):], delimiter); ok && delimiter != "" {
			rolled := prefix + before + delimiter
			if rolled != after && !slices.Contains(out.Prefixes, rolled) {
				out.Prefixes = append(out.Prefixes, rolled)
			}
			continue
		}
		out.Keys = append(out.Keys, k)
	}
	return out
}

// Whatever is listed, in pages of whatever size, is what a plain reading of the
// documentation says.
func TestListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := []string{"a", "a/", "a/b", "a/b/c", "a//", "a0", "a b", "ab", "b/\x01", "b/ä", "c/d/e", "c/d/f", "c/g", "z+%"}
	slices.Sort(keys)
	for _, k := range keys {
		w.put(w.root, "/shared/"+escape(k), "").is(t, 200, "")
	}
	w.put(w.root, "/shared2", createBody).is(t, 200, "")
	w.put(w.root, "/shared2/a", "").is(t, 200, "")
	rapid.Check(t, func(r *rapid.T) {
		prefix := rapid.SampledFrom([]string{"", "a", "a/", "a/b", "c/d", "b/", "x"}).Draw(r, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "b", "d/"}).Draw(r, "delimiter")
		after := rapid.SampledFrom(append(keys, "", "a/", "c/", "a/a", "zz")).Draw(r, "after")
		size := rapid.IntRange(1, 6).Draw(r, "size")
		version := rapid.IntRange(1, 2).Draw(r, "version")
		want := expected(keys, prefix, delimiter, after)
		got := w.listAll(version, prefix, delimiter, after, size)
		got.Pages = 0
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("prefix %q, delimiter %q, after %q, pages of %d:\n%s", prefix, delimiter, after, size, diff)
		}
	})
}

// TestControlCharacters: XML 1.0 has no place for them; S3 writes references to them all
// the same, and offers encoding-type=url to clients whose parser refuses these
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html#object-key-xml-related-constraints).
func TestControlCharacters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key, written = "a\x01<&\r\n\"/b", "a&#x1;&lt;&amp;&#xD;&#xA;&#34;/b"
	prefix, folder := url.QueryEscape("a\x01"), "a&#x1;&lt;&amp;&#xD;&#xA;&#34;/"
	w.put(w.root, "/shared/"+escape(key), "").is(t, 200, "")
	w.do(w.root, "POST", "/shared/"+escape(key)+"?uploads", "").is(t, 200, "")
	request := "<Delete><Object><Key>a&lt;&amp;&#xD;</Key></Object></Delete>"
	for name, tc := range map[string]struct {
		answer answer
		want   []string
	}{
		"ListObjects":           {w.get(w.root, "/shared?marker=%02&prefix="), []string{"<Marker>&#x2;</Marker>", "<Key>" + written + "</Key>"}},
		"ListObjectsV2":         {w.get(w.root, "/shared?list-type=2&start-after=%02&prefix="+prefix), []string{"<Prefix>a&#x1;</Prefix>", "<StartAfter>&#x2;</StartAfter>", "<Key>" + written + "</Key>"}},
		"ListObjectsV2, rolled": {w.get(w.root, "/shared?list-type=2&delimiter=/"), []string{"<CommonPrefixes><Prefix>" + folder + "</Prefix></CommonPrefixes>"}},
		"ListObjectVersions":    {w.get(w.root, "/shared?versions&key-marker=%02"), []string{"<KeyMarker>&#x2;</KeyMarker>", "<Key>" + written + "</Key>"}},
		"ListMultipartUploads":  {w.get(w.root, "/shared?uploads&key-marker=%02"), []string{"<KeyMarker>&#x2;</KeyMarker>", "<Key>" + written + "</Key>"}},
		"DeleteObjects":         {w.do(w.root, "POST", "/shared?delete", request), []string{"<Key>a&lt;&amp;&#xD;</Key>"}},
	} {
		tc.answer.is(t, 200, "")
		for _, want := range tc.want {
			if !strings.Contains(tc.answer.Body, want) {
				t.Errorf("%s has no %s: %s", name, want, tc.answer.Body)
			}
		}
	}
}

const createBody = `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>` + region + `</LocationConstraint></CreateBucketConfiguration>`

func TestListingEdges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(w.root, "/shared/k", "xyz").is(t, 200, "")
	var page struct {
		Name        string
		KeyCount    int
		MaxKeys     int
		IsTruncated bool
		Contents    []content
	}
	w.get(w.root, "/shared?list-type=2&max-keys=0").into(t, &page)
	if page.KeyCount != 0 || page.IsTruncated {
		t.Errorf("max-keys=0: %+v", page)
	}
	w.get(w.root, "/shared?list-type=2&max-keys=100000&fetch-owner=true").into(t, &page)
	if page.MaxKeys != 1000 || page.Name != "shared" || len(page.Contents) != 1 {
		t.Fatalf("%+v", page)
	}
	if c := page.Contents[0]; c.Size != 3 || c.StorageClass != "STANDARD" || c.ChecksumAlgorithm != "CRC64NVME" || c.Owner == nil {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"max-keys=-1", "max-keys=x", "encoding-type=base64", "continuation-token=%21", "continuation-token=zzz"} {
		w.get(w.root, "/shared?list-type=2&"+bad).is(t, 400, "InvalidArgument")
	}
	w.get(w.root, "/?continuation-token=zzz").is(t, 400, "InvalidArgument")
	w.get(w.root, "/shared?list-type=3").is(t, 400, "InvalidArgument")
}
