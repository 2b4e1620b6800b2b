package cashttp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// send makes a request with header fields, given as name and value in turn.
func (s *site) send(t *testing.T, method, path string, grant cas.Grant, body io.Reader, fields ...string) (*http.Response, string) {
	t.Helper()
	request := s.request(t, method, path, grant, body)
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, answer, err := s.do(t, request)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(answer)
}

func (s *site) patch(t *testing.T, path string, body []byte, offset int, complete string) (*http.Response, string) {
	t.Helper()
	return s.send(t, http.MethodPatch, path, s.uploader(), bytes.NewReader(body),
		"Content-Type", "application/partial-upload", "Upload-Offset", strconv.Itoa(offset), "Upload-Complete", complete)
}

func uploadsOf(d digest.Digest) string { return "/v1/artifacts/" + d.String() + "/uploads" }

// has checks a response's status and header fields.
func has(t *testing.T, what string, r *http.Response, answer string, status int, fields ...string) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%s: %s %s, want %d", what, r.Status, answer, status)
	}
	for i := 0; i < len(fields); i += 2 {
		if got := r.Header.Get(fields[i]); got != fields[i+1] {
			t.Errorf("%s: %s is %q, want %q", what, fields[i], got, fields[i+1])
		}
	}
}

// The protocol of the draft from the beginning to the end: begin with nothing, append,
// lose an answer, ask, go on, complete.
func TestResumableUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	const size = 2*part + 1000
	content, d := rig.Content(size)
	r, answer := s.send(t, http.MethodOptions, uploadsOf(d), s.uploader(), nil)
	has(t, "options", r, answer, http.StatusNoContent, "Accept-Patch", "application/partial-upload")
	r, answer = s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil,
		"Upload-Complete", "?0", "Upload-Length", strconv.Itoa(size), "Content-Disposition", `attachment; filename="a b.txt"`)
	has(t, "begin", r, answer, http.StatusCreated, "Upload-Offset", "0", "Upload-Complete", "?0")
	upload := r.Header.Get("Location")
	if limit := r.Header.Get("Upload-Limit"); !strings.Contains(limit, "min-append-size=5242880") || !strings.Contains(limit, "max-age=86") || !strings.Contains(limit, "max-size=") {
		t.Errorf("Upload-Limit: %s", limit)
	}
	r, answer = s.patch(t, upload, content[:part], 0, "?0")
	has(t, "append", r, answer, http.StatusNoContent, "Upload-Offset", strconv.Itoa(part), "Upload-Complete", "?0")

	r, answer = s.patch(t, upload, content[:part], 0, "?0")
	has(t, "wrong offset", r, answer, http.StatusConflict, "Upload-Offset", strconv.Itoa(part), "Content-Type", "application/problem+json")
	var document map[string]any
	if err := json.Unmarshal([]byte(answer), &document); err != nil || document["expected-offset"] != float64(part) || document["provided-offset"] != 0.0 ||
		document["type"] != "https://iana.org/assignments/http-problem-types#mismatching-upload-offset" || document["kind"] != "conflict" {
		t.Errorf("wrong offset: %s, %v", answer, err)
	}

	// The connection breaks after more than a part.
	conn := s.dial(t)
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nContent-Type: application/partial-upload\r\nUpload-Offset: %d\r\nUpload-Complete: ?1\r\n\r\n",
		upload, s.Token(t, s.uploader()), size-part, part)
	_, _ = conn.Write(content[part : 2*part+500])
	// What the server has not even begun to read could take the upload over from what follows.
	rig.Eventually(t, "S3 has the second part", func() bool { return s.Calls()["UploadPart"] == 2 })
	_ = conn.Close()
	r, answer = s.send(t, http.MethodHead, upload, s.uploader(), nil)
	has(t, "head", r, answer, http.StatusNoContent, "Upload-Complete", "?0", "Upload-Length", strconv.Itoa(size), "Cache-Control", "no-store")
	offset, err := strconv.Atoi(r.Header.Get("Upload-Offset"))
	if err != nil || offset != part && offset != 2*part {
		t.Fatalf("head: offset %d, %v", offset, err)
	}
	r, answer = s.patch(t, upload, content[offset:], offset, "?1")
	has(t, "complete", r, answer, http.StatusCreated, "Upload-Complete", "?1", "Upload-Offset", strconv.Itoa(size), "Location", "")
	if !strings.Contains(answer, fmt.Sprintf(`"size":%d`, size)) {
		t.Errorf("complete: %s", answer)
	}
	r, answer = s.send(t, http.MethodHead, upload, s.uploader(), nil)
	has(t, "head of what is complete", r, answer, http.StatusNoContent, "Upload-Complete", "?1", "Upload-Offset", strconv.Itoa(size))
	r, answer = s.send(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil)
	has(t, "read", r, "", http.StatusOK, "Content-Disposition", `attachment; filename="a b.txt"`)
	if answer != string(content) {
		t.Error("other content came back")
	}
	r, answer = s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil, "Upload-Complete", "?0")
	has(t, "begin what is there", r, answer, http.StatusOK, "Upload-Complete", "?1")
}

// An upload that begins with content is announced before it is read, so that it can be
// resumed when it is cut off.
func TestUploadIsAnnouncedEarly(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(part + 1000)
	conn := s.dial(t)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nUpload-Complete: ?1\r\n\r\n",
		uploadsOf(d), s.Token(t, s.uploader()), len(content))
	answers := bufio.NewReader(conn)
	early, err := http.ReadResponse(answers, nil)
	if err != nil || early.StatusCode != 104 || early.Header.Get("Location") == "" || early.Header.Get("Upload-Limit") == "" {
		t.Fatalf("%v, %v", early, err)
	}
	if _, err := conn.Write(content); err != nil {
		t.Fatal(err)
	}
	final, err := http.ReadResponse(answers, nil)
	if err != nil || final.StatusCode != http.StatusCreated || final.Header.Get("Upload-Complete") != "?1" {
		t.Fatalf("%v, %v", final, err)
	}
	// What is small goes as any artifact does, without a record.
	content, d = rig.Content(1000)
	s.Forget()
	r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), bytes.NewReader(content), "Upload-Complete", "?1")
	has(t, "small", r, answer, http.StatusCreated, "Upload-Complete", "?1")
	if calls := s.Calls(); calls["PutObject"] != 1 || len(calls) != 1 {
		t.Errorf("small: %v", calls)
	}
}

// The address of an upload opens nothing to whoever has no token of the organization.
func TestUploadAddressAloneOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(part)
	r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil, "Upload-Complete", "?0")
	has(t, "begin", r, answer, http.StatusCreated)
	upload := r.Header.Get("Location")
	stranger := s.uploader()
	stranger.Org = s.Org(t)
	bound := s.uploader()
	bound.Digest = digest.Of([]byte("another"))
	fields := []string{"Content-Type", "application/partial-upload", "Upload-Offset", "0", "Upload-Complete", "?1"}
	unknown := uploadsOf(d) + "/" + uuid.NewString()
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		// A stranger learns the same of an upload that is there and of one that is not.
		r, theirs := s.send(t, method, upload, stranger, bytes.NewReader(content), fields...)
		has(t, method+" by another organization", r, theirs, http.StatusNotFound)
		r, none := s.send(t, method, unknown, stranger, bytes.NewReader(content), fields...)
		has(t, method+" of nothing", r, none, http.StatusNotFound)
		if theirs != none {
			t.Errorf("%s: %s and %s differ", method, theirs, none)
		}
		for what, grant := range map[string]cas.Grant{"a downloader": s.downloader(d), "a token for another artifact": bound} {
			r, answer := s.send(t, method, upload, grant, bytes.NewReader(content), fields...)
			has(t, method+" by "+what, r, answer, http.StatusForbidden)
		}
		request := s.request(t, method, upload, s.uploader(), bytes.NewReader(content))
		request.Header.Del("Authorization")
		if r, _, err := s.do(t, request); err != nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: %v, %v", method, r, err)
		}
	}
	r, answer = s.send(t, http.MethodDelete, upload, s.uploader(), nil)
	has(t, "cancel", r, answer, http.StatusNoContent)
	r, answer = s.send(t, http.MethodHead, upload, s.uploader(), nil)
	has(t, "afterwards", r, answer, http.StatusNotFound)
	if left := s.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// What is wrong with a request is said before it changes anything.
func TestResumableRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{MaxBytes: 3 * part})
	content, d := rig.Content(2 * part)
	begin := func(fields ...string) string {
		t.Helper()
		r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil, append([]string{"Upload-Complete", "?0"}, fields...)...)
		has(t, "begin", r, answer, http.StatusCreated)
		return r.Header.Get("Location")
	}
	upload := begin("Upload-Length", strconv.Itoa(2*part))
	media := []string{"Content-Type", "application/partial-upload"}
	for _, row := range []struct {
		what, method, path string
		body               io.Reader
		fields             []string
		status             int
		text               string
	}{
		{"no Upload-Complete", http.MethodPost, uploadsOf(d), nil, nil, 400, "Upload-Complete"},
		{"malformed", http.MethodPost, uploadsOf(d), nil, []string{"Upload-Complete", "yes"}, 400, "Upload-Complete"},
		{"too long", http.MethodPost, uploadsOf(d), nil, []string{"Upload-Complete", "?0", "Upload-Length", strconv.Itoa(3*part + 1)}, 413, "too_large"},
		{"contradiction", http.MethodPost, uploadsOf(d), bytes.NewReader(content), []string{"Upload-Complete", "?1", "Upload-Length", "1"}, 400, "inconsistent-upload-length"},
		{"media type", http.MethodPatch, upload, nil, []string{"Upload-Offset", "0", "Upload-Complete", "?0"}, 400, "application/partial-upload"},
		{"no offset", http.MethodPatch, upload, nil, append(media, "Upload-Complete", "?0"), 400, "Upload-Offset"},
		{"small piece", http.MethodPatch, upload, bytes.NewReader(content[:part-1]), append(media, "Upload-Offset", "0", "Upload-Complete", "?0"), 400, "5 MiB"},
		{"chunked piece", http.MethodPatch, upload, io.MultiReader(bytes.NewReader(content)), append(media, "Upload-Offset", "0", "Upload-Complete", "?0"), 400, "Content-Length"},
		{"another length", http.MethodPatch, upload, bytes.NewReader(content[:part]), append(media, "Upload-Offset", "0", "Upload-Complete", "?0", "Upload-Length", "7"), 400, "inconsistent-upload-length"},
		{"another end", http.MethodPatch, upload, bytes.NewReader(content[:part]), append(media, "Upload-Offset", "0", "Upload-Complete", "?1"), 400, "inconsistent-upload-length"},
		{"no name", http.MethodPatch, uploadsOf(d) + "/x", nil, append(media, "Upload-Offset", "0", "Upload-Complete", "?0"), 404, "not_found"},
	} {
		r, answer := s.send(t, row.method, row.path, s.uploader(), row.body, row.fields...)
		if r.StatusCode != row.status || !strings.Contains(answer, row.text) {
			t.Errorf("%s: %s %s", row.what, r.Status, answer)
		}
	}
	r, answer := s.send(t, http.MethodHead, upload, s.uploader(), nil)
	has(t, "afterwards", r, answer, http.StatusNoContent, "Upload-Offset", "0")

	// The limit holds for what comes, announced or not; a lie at the end ends the upload.
	open := begin()
	r, answer = s.send(t, http.MethodPatch, open, s.uploader(), io.MultiReader(bytes.NewReader(content), bytes.NewReader(content)),
		append(media, "Upload-Offset", "0", "Upload-Complete", "?1")...)
	has(t, "more than the limit", r, answer, http.StatusRequestEntityTooLarge)
	lie := bytes.Clone(content)
	lie[len(lie)-1] ^= 1
	r, answer = s.patch(t, upload, lie, 0, "?1")
	has(t, "a lie", r, answer, http.StatusBadRequest, "Upload-Complete", "?1")
	r, answer = s.send(t, http.MethodHead, upload, s.uploader(), nil)
	has(t, "after the lie", r, answer, http.StatusNotFound)
}
