package s3api

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// begin starts an upload and returns its path with the upload id.
func (w *world) begin(key string, h ...string) string {
	w.t.Helper()
	var started initiateResult
	w.do(w.root, "POST", "/shared/"+key+"?uploads", "", h...).into(w.t, &started)
	return "/shared/" + key + "?uploadId=" + started.UploadID
}

func (w *world) part(upload string, number int, body []byte, h ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "PUT", fmt.Sprintf("http://127.0.0.1%s&partNumber=%d", upload, number), nil)
	for i := 0; i < len(h); i += 2 {
		r.Header.Set(h[i], h[i+1])
	}
	return w.serve(w.root, r, &api.Request{Body: bytes.NewReader(body), BodyLength: int64(len(body))})
}

// completion lists parts 1, 2, … with their ETags and more elements.
func completion(parts ...answer) string {
	var b strings.Builder
	b.WriteString("<CompleteMultipartUpload>")
	for i, p := range parts {
		fmt.Fprintf(&b, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>", i+1, p.Header.Get("ETag"))
		if v := p.Header.Get("x-amz-checksum-sha256"); v != "" {
			b.WriteString("<ChecksumSHA256>" + v + "</ChecksumSHA256>")
		}
		b.WriteString("</Part>")
	}
	return b.String() + "</CompleteMultipartUpload>"
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := bytes.Repeat([]byte("a"), minPart), []byte("the end")
	whole := append(bytes.Clone(first), second...)
	sum := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	compositeSHA256 := b64(sum(append(sum(first), sum(second)...))) + "-2"
	crc := b64(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(whole)))
	etags := md5.New()
	for _, p := range [][]byte{first, second} {
		s := md5.Sum(p)
		etags.Write(s[:])
	}
	etag := `"` + hex.EncodeToString(etags.Sum(nil)) + `-2"`

	// Rows are AWS §7.1: which checksum the object has.
	for name, tc := range map[string]struct {
		begin, first, second, complete []string
		header, want, kind             string
	}{
		"none": {header: "x-amz-checksum-crc64nvme", kind: fullObject},
		"composite sha256": {
			begin: []string{"x-amz-checksum-algorithm", "SHA256"},
			first: []string{"x-amz-checksum-sha256", b64(sum(first))}, second: []string{"x-amz-checksum-sha256", b64(sum(second))},
			complete: []string{"x-amz-checksum-sha256", compositeSHA256, "x-amz-mp-object-size", itoa(int64(len(whole)))},
			header:   "x-amz-checksum-sha256", want: compositeSHA256, kind: composite,
		},
		"full crc32": {
			begin:    []string{"x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "FULL_OBJECT"},
			first:    []string{"x-amz-checksum-crc32", b64(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(first)))},
			second:   []string{"x-amz-checksum-crc32", b64(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(second)))},
			complete: []string{"x-amz-checksum-crc32", crc, "x-amz-checksum-type", "FULL_OBJECT"},
			header:   "x-amz-checksum-crc32", want: crc, kind: fullObject,
		},
		"a checksum of parts alone": {
			first:  []string{"x-amz-checksum-sha256", b64(sum(first))},
			header: "x-amz-checksum-crc64nvme", kind: fullObject,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := strings.ReplaceAll(name, " ", "-")
			upload := w.begin(key, tc.begin...)
			w.get(w.root, "/shared/"+key).is(t, 404, "NoSuchKey")
			one, two := w.part(upload, 1, first, tc.first...), w.part(upload, 2, second, tc.second...)
			one.is(t, 200, "")
			two.is(t, 200, "")
			extra := w.part(upload, 3, []byte("not listed"), tc.first...)
			if tc.first != nil {
				extra.is(t, 400, "BadDigest")
			}
			list := completion(one, two)
			if tc.begin == nil {
				list = strings.ReplaceAll(list, "<ChecksumSHA256>"+one.Header.Get("x-amz-checksum-sha256")+"</ChecksumSHA256>", "")
			}
			done := w.do(w.root, "POST", upload, list, tc.complete...)
			done.is(t, 200, "")
			got := w.get(w.root, "/shared/"+key, "x-amz-checksum-mode", "ENABLED")
			got.is(t, 200, "")
			if got.Body != string(whole) || got.Header.Get("ETag") != etag {
				t.Errorf("%d bytes, ETag %s, want %s", len(got.Body), got.Header.Get("ETag"), etag)
			}
			if v := got.Header.Get(tc.header); v == "" || tc.want != "" && v != tc.want || got.Header.Get("x-amz-checksum-type") != tc.kind {
				t.Errorf("%s: %q %s, want %q %s", tc.header, v, got.Header.Get("x-amz-checksum-type"), tc.want, tc.kind)
			}
			over := w.get(w.root, "/shared/"+key, "Range", fmt.Sprintf("bytes=%d-%d", minPart-2, minPart+2))
			if over.Body != "aathe" {
				t.Errorf("a range over two parts: %q", over.Body)
			}
			last := w.get(w.root, "/shared/"+key+"?partNumber=2")
			last.is(t, 206, "")
			if last.Body != string(second) || last.Header.Get("x-amz-mp-parts-count") != "2" {
				t.Errorf("part 2: %q %v", last.Body, last.Header)
			}
			w.get(w.root, "/shared/"+key+"?partNumber=3").is(t, 416, "InvalidPartNumber")
			w.do(w.root, "POST", upload, list).is(t, 404, "NoSuchUpload")
		})
	}
}

func TestMultipartRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.begin("k")
	small, last := w.part(upload, 1, []byte("small")), w.part(upload, 2, []byte("last"))
	asked := w.begin("asked", "x-amz-checksum-algorithm", "SHA256")
	sumOf := func(s string) []string { return []string{"x-amz-checksum-sha256", sha256Of(s)} }
	checked := w.part(asked, 1, []byte("x"), sumOf("x")...)
	for name, tc := range map[string]struct {
		got    answer
		status int
		code   string
	}{
		"too small":          {w.do(w.root, "POST", upload, completion(small, last)), 400, "EntityTooSmall"},
		"order":              {w.do(w.root, "POST", upload, `<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>a</ETag></Part><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>`), 400, "InvalidPartOrder"},
		"no parts":           {w.do(w.root, "POST", upload, `<CompleteMultipartUpload></CompleteMultipartUpload>`), 400, "MalformedXML"},
		"wrong etag":         {w.do(w.root, "POST", upload, completion(last)), 400, "InvalidPart"},
		"missing part":       {w.do(w.root, "POST", asked, completion(answer{}, checked)), 400, "InvalidPart"},
		"part number 0":      {w.part(upload, 0, nil), 400, "InvalidArgument"},
		"part number 10001":  {w.part(upload, 10001, nil), 400, "InvalidArgument"},
		"another key":        {w.part(strings.Replace(upload, "/k?", "/other?", 1), 1, nil), 404, "NoSuchUpload"},
		"no checksum":        {w.part(asked, 2, []byte("x")), 400, "InvalidRequest"},
		"another algorithm":  {w.part(asked, 2, []byte("x"), "x-amz-checksum-crc32", "AAAAAA=="), 400, "InvalidRequest"},
		"wrong checksum":     {w.part(asked, 2, []byte("y"), sumOf("x")...), 400, "BadDigest"},
		"no part checksum":   {w.do(w.root, "POST", asked, strings.ReplaceAll(completion(checked), "ChecksumSHA256", "ChecksumCRC32")), 400, "InvalidPart"},
		"wrong object sum":   {w.do(w.root, "POST", asked, completion(checked), sumOf("x")...), 400, "BadDigest"},
		"wrong size":         {w.do(w.root, "POST", asked, completion(checked), "x-amz-mp-object-size", "2"), 400, "InvalidRequest"},
		"wrong type":         {w.do(w.root, "POST", asked, completion(checked), "x-amz-checksum-type", "FULL_OBJECT"), 400, "BadDigest"},
		"sha full object":    {w.do(w.root, "POST", "/shared/k?uploads", "", "x-amz-checksum-algorithm", "SHA256", "x-amz-checksum-type", "FULL_OBJECT"), 400, "InvalidRequest"},
		"crc64 composite":    {w.do(w.root, "POST", "/shared/k?uploads", "", "x-amz-checksum-algorithm", "CRC64NVME", "x-amz-checksum-type", "COMPOSITE"), 400, "InvalidRequest"},
		"unknown upload":     {w.do(w.root, "DELETE", "/shared/k?uploadId=x", ""), 404, "NoSuchUpload"},
		"list of an unknown": {w.get(w.root, "/shared/k?uploadId=x"), 404, "NoSuchUpload"},
	} {
		t.Run(name, func(t *testing.T) { tc.got.is(t, tc.status, tc.code) })
	}
	w.put(w.root, "/shared/asked", "first").is(t, 200, "")
	w.do(w.root, "POST", asked, completion(checked), "If-None-Match", "*").is(t, 412, "PreconditionFailed")
	w.do(w.root, "DELETE", asked, "").is(t, 204, "")
	w.do(w.root, "DELETE", upload, "").is(t, 204, "")
	w.noOrphans()
}

func TestListUploadsAndParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b1, a, b2, dir := w.begin("b"), w.begin("a"), w.begin("b"), w.begin("dir/x")
	id := func(upload string) string { _, id, _ := strings.Cut(upload, "="); return id }
	want := []string{"a " + id(a), "b " + id(b1), "b " + id(b2)}
	var got []string
	keyMarker, idMarker := "", ""
	for range 5 {
		var page listUploadsResult
		w.get(w.root, "/shared?uploads&delimiter=/&max-uploads=1&key-marker="+keyMarker+"&upload-id-marker="+idMarker).into(t, &page)
		for _, u := range page.Uploads {
			got = append(got, string(u.Key)+" "+u.UploadID)
		}
		for _, p := range page.CommonPrefixes {
			got = append(got, string(p.Prefix))
		}
		if !page.IsTruncated {
			break
		}
		keyMarker, idMarker = string(page.NextKeyMarker), page.NextUploadIDMarker
	}
	if fmt.Sprint(got) != fmt.Sprint(append(want, "dir/")) {
		t.Errorf("uploads %v, want %v", got, want)
	}
	for _, n := range []int{3, 1, 2, 1} {
		w.part(dir, n, []byte("part")).is(t, 200, "")
	}
	var numbers []int
	for marker := 0; ; {
		var page listPartsResult
		w.get(w.root, fmt.Sprintf("%s&max-parts=2&part-number-marker=%d", dir, marker)).into(t, &page)
		for _, p := range page.Parts {
			numbers = append(numbers, p.PartNumber)
		}
		if marker = page.NextPartNumberMarker; !page.IsTruncated {
			break
		}
	}
	if fmt.Sprint(numbers) != "[1 2 3]" {
		t.Errorf("parts %v", numbers)
	}
	w.do(w.root, "DELETE", "/shared", "").is(t, 204, "") // unfinished uploads do not keep a bucket
	w.noOrphans()
}
