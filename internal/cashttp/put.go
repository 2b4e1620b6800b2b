package cashttp

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// stored answers an upload.
type stored struct {
	Digest   digest.Digest `json:"digest"`
	Size     int64         `json:"size"`
	FileName cas.FileName  `json:"fileName,omitempty"`
	// MediaType is what the upload said, or the default; absent if S3 does not say it now.
	MediaType string `json:"mediaType,omitempty"`
}

// asksFirst: the client sends its body only when it is told to (RFC 9110 §10.1.1), and
// can do without.
func asksFirst(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Expect"), "100-continue")
}

func (s server) put(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	ref, limit, err := grant.Upload(d, s.MaxBytes)
	if err != nil {
		return err
	}
	label, err := label(r.Header, grant)
	if err != nil {
		return err
	}
	if r.ContentLength > limit {
		return cas.ErrTooLarge // from the declared length, before the first byte
	}
	length := r.ContentLength // -1, which is cas.UnknownLength, when it is chunked
	body := &counter{body: cas.Limit(s.clientBody(w, r), limit)}
	store := s.Store.Put
	if asksFirst(r) {
		store = s.Store.Offer
	}
	created, err := store(r.Context(), ref, length, body, label)
	if err != nil {
		return err
	}
	size := body.n
	if !created && length != cas.UnknownLength {
		size = length // which may not have been sent
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The artifact is stored; a client that is gone by now cannot be told.
	_ = json.NewEncoder(w).Encode(stored{Digest: d, Size: size, FileName: label.FileName, MediaType: label.MediaType.String()})
	return nil
}

// label reads what an upload says of itself.
func label(h http.Header, grant cas.Grant) (cas.Label, error) {
	name, err := fileName(h.Get("Content-Disposition"))
	if err != nil {
		return cas.Label{}, err
	}
	media, err := cas.ParseMediaType(h.Get("Content-Type"))
	return cas.Label{FileName: name, MediaType: media, Uploader: grant.Subject}, err
}

// fileName reads the name of an upload from its Content-Disposition header. What is no
// usable name is cleaned; the answer shows what became of it.
func fileName(header string) (cas.FileName, error) {
	if header == "" {
		return "", nil
	}
	_, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", problem.Wrap(err, problem.Invalid, "malformed Content-Disposition header", `send: attachment; filename="NAME"`)
	}
	return cas.CleanFileName(params["filename"]), nil
}
