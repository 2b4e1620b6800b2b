package cashttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
)

// Uploads are uploads that their client can resume. Their errors are those that
// cas.Problem explains.
type Uploads interface {
	MinAppend() int64
	BeginUpload(ctx context.Context, ref cas.Ref, name uuid.UUID, length int64, label cas.Label) (cas.Upload, error)
	SettleUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error)
	Append(ctx context.Context, ref cas.Ref, name uuid.UUID, a cas.Append) (cas.Upload, error)
	CancelUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) error
}

// statusResumable is "Upload Resumption Supported", an interim response.
const statusResumable = 104

// createUpload begins a resumable upload, with or without a first piece.
func (s server) createUpload(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	ref, limit, err := grant.Upload(d, s.MaxBytes)
	if err != nil {
		return err
	}
	fields, err := parseUploadFields(r.Header)
	if err != nil {
		return err
	}
	if fields.complete == nil {
		return problem.New(problem.Invalid, "Upload-Complete is missing", "send ?1 with all of the content, ?0 with less or none; or PUT the artifact itself")
	}
	about, err := label(r.Header, grant)
	if err != nil {
		return err
	}
	length, err := fields.total(0, r.ContentLength)
	if err != nil {
		return err
	}
	if length > limit {
		w.Header().Set("Upload-Limit", s.uploadLimit(limit, time.Time{}))
		return cas.ErrTooLarge
	}
	if *fields.complete && r.ContentLength >= 0 && r.ContentLength < s.Uploads.MinAppend() {
		// It is sent again sooner than resumed.
		w.Header().Set("Upload-Complete", "?1")
		return s.put(w, r, grant, d)
	}
	state, err := s.Uploads.BeginUpload(r.Context(), ref, uuid.New(), length, about)
	if err != nil {
		return err
	}
	if state.Complete {
		if *fields.complete && r.ContentLength != 0 && !asksFirst(r) {
			// All of it is on its way: who lies about what is there is told so (decision 006).
			w.Header().Set("Upload-Complete", "?1")
			return s.put(w, r, grant, d)
		}
		return s.answerUpload(w, r, ref, limit, state, http.StatusOK)
	}
	w.Header().Set("Location", "/v1/artifacts/"+d.String()+"/uploads/"+state.Name.String())
	w.Header().Set("Upload-Limit", s.uploadLimit(limit, state.ExpiresAt))
	if r.ContentLength != 0 {
		if r.ProtoAtLeast(1, 1) {
			w.WriteHeader(statusResumable)
		}
		if state, err = s.append(w, r, ref, state.Name, 0, length, limit, *fields.complete); err != nil {
			return err
		}
	}
	return s.answerUpload(w, r, ref, limit, state, http.StatusCreated)
}

// headUpload says where an upload goes on. It ends the request that was writing to it:
// its client would not ask if it knew of one.
func (s server) headUpload(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	ref, limit, name, err := s.uploadOf(r, grant, d)
	if err != nil {
		return err
	}
	state, err := s.Uploads.SettleUpload(r.Context(), ref, name)
	if err != nil {
		return err
	}
	if state.Length != cas.UnknownLength {
		w.Header().Set("Upload-Length", strconv.FormatInt(state.Length, 10))
	}
	s.describeUpload(w, limit, state)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// patchUpload appends to an upload.
func (s server) patchUpload(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	ref, limit, name, err := s.uploadOf(r, grant, d)
	if err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != partialUpload {
		w.Header().Set("Accept-Patch", partialUpload)
		return problem.New(problem.Invalid, "an upload is appended to with "+partialUpload, "send Content-Type: "+partialUpload)
	}
	fields, err := parseUploadFields(r.Header)
	if err != nil {
		return err
	}
	if fields.complete == nil || fields.offset == nil {
		return problem.New(problem.Invalid, "Upload-Complete or Upload-Offset is missing", "send both; HEAD tells the offset")
	}
	length, err := fields.total(*fields.offset, r.ContentLength)
	if err != nil {
		return err
	}
	if length > limit {
		w.Header().Set("Upload-Limit", s.uploadLimit(limit, time.Time{}))
		return cas.ErrTooLarge
	}
	state, err := s.append(w, r, ref, name, *fields.offset, length, limit, *fields.complete)
	if err != nil {
		return err
	}
	status := http.StatusNoContent
	if state.Complete {
		status = http.StatusCreated
	}
	return s.answerUpload(w, r, ref, limit, state, status)
}

func (s server) deleteUpload(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	ref, _, name, err := s.uploadOf(r, grant, d)
	if err != nil {
		return err
	}
	if err := s.Uploads.CancelUpload(r.Context(), ref, name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// uploadOf returns what a request for an upload may reach. Its name alone opens nothing:
// it is looked for among those of the token's organization.
func (s server) uploadOf(r *http.Request, grant cas.Grant, d digest.Digest) (cas.Ref, int64, uuid.UUID, error) {
	ref, limit, err := grant.Upload(d, s.MaxBytes)
	if err != nil {
		return ref, limit, uuid.Nil, err
	}
	name, err := uuid.Parse(r.PathValue("upload"))
	if err != nil {
		return ref, limit, name, fmt.Errorf("%w: %w", cas.ErrNoUpload, err)
	}
	return ref, limit, name, nil
}

func (s server) append(w http.ResponseWriter, r *http.Request, ref cas.Ref, name uuid.UUID, offset, total, limit int64, last bool) (cas.Upload, error) {
	if !last && r.ContentLength < 0 {
		return cas.Upload{}, problem.New(problem.Invalid, "a piece in the middle must say its length", "send Content-Length")
	}
	state, err := s.Uploads.Append(r.Context(), ref, name, cas.Append{
		Offset: offset, Body: cas.Limit(s.clientBody(w, r), max(limit-offset, 0)), Last: last, Length: r.ContentLength, Total: total,
	})
	if wrong, ok := errors.AsType[*cas.OffsetError](err); ok {
		w.Header().Set("Upload-Offset", strconv.FormatInt(wrong.Want, 10))
	}
	if last && (errors.Is(err, digest.ErrMismatch) || errors.Is(err, digest.ErrLength)) {
		w.Header().Set("Upload-Complete", "?1") // it is the artifact that was wrong, and no resuming helps
	}
	return state, err
}

func (s server) describeUpload(w http.ResponseWriter, limit int64, state cas.Upload) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Upload-Offset", strconv.FormatInt(state.Offset, 10))
	h.Set("Upload-Complete", structured(state.Complete))
	h.Set("Upload-Limit", s.uploadLimit(limit, state.ExpiresAt))
}

// answerUpload says what became of an upload. What a complete one is called S3 knows, which
// its first request told: the last one may be another process's.
func (s server) answerUpload(w http.ResponseWriter, r *http.Request, ref cas.Ref, limit int64, state cas.Upload, status int) error {
	s.describeUpload(w, limit, state)
	if !state.Complete {
		w.WriteHeader(status)
		return nil
	}
	answer := stored{Digest: ref.Digest, Size: state.Offset}
	// It is stored, whether or not S3 can be asked now.
	if info, err := s.Store.Stat(r.Context(), ref); err == nil {
		answer.FileName, answer.MediaType = info.FileName, info.MediaType.String()
	}
	w.Header().Del("Location")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The artifact is stored; a client that is gone by now cannot be told.
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

// uploadLimit is the value of Upload-Limit, a Dictionary of RFC 9651.
func (s server) uploadLimit(limit int64, expires time.Time) string {
	text := fmt.Sprintf("max-size=%d, min-append-size=%d", limit, s.Uploads.MinAppend())
	if age := time.Until(expires); age > 0 {
		text += fmt.Sprintf(", max-age=%d", int64(age.Seconds()))
	}
	return text
}

// problemTypes are the draft's names of what is wrong with an append.
const problemTypes = "https://iana.org/assignments/http-problem-types#"

// uploadProblem answers with a problem that the draft has a type for, and reports
// whether there is one.
func uploadProblem(w http.ResponseWriter, err error) bool {
	document := map[string]any{}
	wrong, offset := errors.AsType[*cas.OffsetError](err)
	switch {
	case offset:
		document["type"], document["expected-offset"], document["provided-offset"] = problemTypes+"mismatching-upload-offset", wrong.Want, wrong.Got
	case errors.Is(err, cas.ErrUploadLength):
		document["type"] = problemTypes + "inconsistent-upload-length"
	default:
		return false
	}
	problem.WriteHTTPWith(w, err, document)
	return true
}

// optionsUploads tells a client that it may begin.
func (s server) optionsUploads(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Accept-Patch", partialUpload)
	w.Header().Set("Upload-Limit", s.uploadLimit(s.MaxBytes, time.Time{}))
	w.WriteHeader(http.StatusNoContent)
}
