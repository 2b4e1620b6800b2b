package s3api

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What GetObjectAttributes tells
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html).
func TestAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"
	etag := strings.Trim(w.put(w.root, "/shared/k", "hello", "x-amz-checksum-sha256", sha256Of("hello")).Header.Get("ETag"), `"`)
	var got objectAttributes
	answer := w.get(w.root, "/shared/k?attributes", headerAttributes, all)
	answer.into(t, &got)
	size := int64(5)
	want := objectAttributes{XMLName: got.XMLName, ETag: etag, StorageClass: "STANDARD", ObjectSize: &size, Checksum: &attributesChecksum{ChecksumType: fullObject}}
	want.Checksum.ChecksumSHA256 = sha256Of("hello")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(attributesChecksum{})); diff != "" {
		t.Error(diff)
	}
	if answer.Header.Get("Last-Modified") == "" {
		t.Errorf("%v", answer.Header)
	}
	got = objectAttributes{}
	w.get(w.root, "/shared/k?attributes", headerAttributes, "ObjectSize").into(t, &got)
	if got.ETag != "" || got.Checksum != nil || got.StorageClass != "" || *got.ObjectSize != 5 {
		t.Errorf("%+v", got)
	}
	w.get(w.root, "/shared/k?attributes").is(t, 400, "InvalidRequest")
	w.get(w.root, "/shared/k?attributes", headerAttributes, "Colour").is(t, 400, "InvalidArgument")
	w.get(w.root, "/shared/none?attributes", headerAttributes, all).is(t, 404, "NoSuchKey")
}

// Parts are listed if their checksums are kept, else only counted.
func TestAttributesOfParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := bytes.Repeat([]byte("a"), minPart)
	raw := sha256.Sum256(body)
	sum := b64(raw[:])
	for key, begin := range map[string][]string{"plain": nil, "summed": {"x-amz-checksum-algorithm", "SHA256"}} {
		upload := w.begin(key, begin...)
		var h []string
		if begin != nil {
			h = []string{"x-amz-checksum-sha256", sum}
		}
		list := completion(w.part(upload, 1, body, h...), w.part(upload, 2, body, h...), w.part(upload, 3, body, h...))
		w.do(w.root, "POST", upload, list).is(t, 200, "")
	}
	var got objectAttributes
	w.get(w.root, "/shared/plain?attributes", headerAttributes, "ObjectParts").into(t, &got)
	if p := got.ObjectParts; p == nil || p.PartsCount != 3 || p.Parts != nil || p.IsTruncated != nil {
		t.Errorf("%+v", p)
	}
	got = objectAttributes{}
	w.get(w.root, "/shared/summed?attributes", headerAttributes, "ObjectParts", "x-amz-max-parts", "1", "x-amz-part-number-marker", "1").into(t, &got)
	p := got.ObjectParts
	if p == nil || p.PartsCount != 3 || !*p.IsTruncated || *p.NextPartNumberMarker != 2 || len(p.Parts) != 1 ||
		p.Parts[0].PartNumber != 2 || p.Parts[0].Size != minPart || p.Parts[0].ChecksumSHA256 != sum {
		t.Errorf("%+v", p)
	}
}

// It takes both permissions, those of versions for a named version, and the key for
// what is not told without (facts AWS §6.1).
func TestAttributesPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versioning("Enabled")
	id := w.put(w.root, "/shared/k", "hello").version()
	w.encryptBy(w.key(), "false")
	w.put(w.root, "/shared/sealed", "hello").is(t, 200, "")
	within := []string{"arn:aws:s3:::shared/*"}
	reads := w.allowing("reads", []string{"s3:GetObject"}, within)
	asks := w.allowing("asks", []string{"s3:GetObjectAttributes"}, within)
	both := w.allowing("both", []string{"s3:GetObject", "s3:GetObjectAttributes"}, within)
	versions := w.allowing("versions", []string{"s3:GetObjectVersion", "s3:GetObjectVersionAttributes"}, within)
	get := func(path string) string { return "/shared/" + path }
	w.get(reads, get("k?attributes"), headerAttributes, "ETag").is(t, 403, "AccessDenied")
	w.get(asks, get("k?attributes"), headerAttributes, "ETag").is(t, 403, "AccessDenied")
	w.get(both, get("k?attributes"), headerAttributes, "ETag").is(t, 200, "")
	w.get(both, get("k?attributes&versionId="+id), headerAttributes, "ETag").is(t, 403, "AccessDenied")
	w.get(versions, get("k?attributes&versionId="+id), headerAttributes, "ETag").is(t, 200, "")
	w.get(versions, get("k?attributes"), headerAttributes, "ETag").is(t, 403, "AccessDenied")
	w.get(both, get("none?attributes"), headerAttributes, "ETag").is(t, 403, "AccessDenied")
	w.get(both, get("sealed?attributes"), headerAttributes, "ETag").is(t, 200, "")
	w.get(both, get("sealed?attributes"), headerAttributes, "Checksum").is(t, 403, "AccessDenied")
}
