package cashttp_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// What is sent for an artifact that is there is verified like any upload, and an upload
// that nobody began is not found, unless its client only missed the answer.
func TestUploadsOfWhatIsThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	const size = part + 1000
	content, d := rig.Content(size)
	if _, err := s.Store.Put(t.Context(), cas.Ref{Org: s.org, Digest: d}, size, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), bytes.NewReader(make([]byte, size)), "Upload-Complete", "?1")
	has(t, "a lie", r, answer, http.StatusBadRequest)
	r, answer = s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), io.MultiReader(bytes.NewReader(make([]byte, size))), "Upload-Complete", "?1")
	has(t, "a lie without a length", r, answer, http.StatusBadRequest)
	r, answer = s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), bytes.NewReader(content), "Upload-Complete", "?1")
	has(t, "the same again", r, answer, http.StatusOK, "Upload-Complete", "?1")

	unknown := uploadsOf(d) + "/" + uuid.NewString()
	r, answer = s.patch(t, unknown, []byte("garbage"), 77, "?1")
	has(t, "garbage", r, answer, http.StatusNotFound)
	r, answer = s.patch(t, unknown, []byte("garbage"), size, "?1")
	has(t, "garbage behind the end", r, answer, http.StatusNotFound)
	r, answer = s.patch(t, unknown, nil, size, "?1")
	has(t, "the end once more", r, answer, http.StatusCreated, "Upload-Complete", "?1")
	if !strings.Contains(answer, `"mediaType":"application/octet-stream"`) {
		t.Errorf("the end once more: %s", answer)
	}
}

// The answer to an upload that is complete has what its first request said.
func TestCompleteUploadsHaveTheirLabel(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(10)
	r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil,
		"Upload-Complete", "?0", "Content-Type", "text/plain", "Content-Disposition", `attachment; filename="a.txt"`)
	has(t, "begin", r, answer, http.StatusCreated)
	r, answer = s.patch(t, r.Header.Get("Location"), content, 0, "?1")
	has(t, "complete", r, answer, http.StatusCreated)
	for _, want := range []string{`"mediaType":"text/plain"`, `"fileName":"a.txt"`, `"size":10`} {
		if !strings.Contains(answer, want) {
			t.Errorf("%s without %s", answer, want)
		}
	}
}

// A length below what has come is refused, whichever request says it.
func TestLengthBelowTheOffset(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(2 * part)
	r, answer := s.send(t, http.MethodPost, uploadsOf(d), s.uploader(), nil, "Upload-Complete", "?0")
	has(t, "begin", r, answer, http.StatusCreated)
	upload := r.Header.Get("Location")
	r, answer = s.patch(t, upload, content[:part], 0, "?0")
	has(t, "append", r, answer, http.StatusNoContent)
	for complete, body := range map[string]io.Reader{"?0": bytes.NewReader(content[part:]), "?1": io.MultiReader(bytes.NewReader(content[part:]))} {
		r, answer = s.send(t, http.MethodPatch, upload, s.uploader(), body, "Content-Type", "application/partial-upload",
			"Upload-Offset", strconv.Itoa(part), "Upload-Complete", complete, "Upload-Length", "5")
		has(t, complete, r, answer, http.StatusBadRequest, "Content-Type", "application/problem+json")
		if !strings.Contains(answer, "inconsistent-upload-length") {
			t.Errorf("%s: %s", complete, answer)
		}
	}
	r, answer = s.patch(t, upload, content[part:], part, "?1")
	has(t, "complete", r, answer, http.StatusCreated)
}
