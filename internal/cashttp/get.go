package cashttp

import (
	"context"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strconv"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
)

func (s server) get(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	describes := r.Method == http.MethodHead
	authorize := grant.Download
	if describes {
		authorize = grant.Describe
	}
	ref, err := authorize(d)
	if err != nil {
		return err
	}
	if outcome := condition(r.Header, etag(d)); outcome != serve || describes {
		return s.head(w, r, ref, outcome)
	}
	want, ranged := wanted(r.Header, etag(d))
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	artifact, err := s.Store.GetRange(ctx, ref, want)
	if err == nil && ranged && artifact.Info.Size == 0 {
		_ = artifact.Close() // nothing is left unread
		err = &cas.RangeError{}
	}
	if err != nil {
		return unsatisfiable(w, err)
	}
	defer artifact.Close()
	begun, err := s.send(w, artifact, stop, func() int { return begin(w.Header(), artifact, ranged) })
	if begun && err != nil {
		s.cutOff(r, ref, err)
	}
	return err
}

// head answers what needs no content. That an artifact is not modified, or not the one
// that is expected, is told only of one that is there.
func (s server) head(w http.ResponseWriter, r *http.Request, ref cas.Ref, outcome conditionOutcome) error {
	info, err := s.Store.Stat(r.Context(), ref)
	if err != nil {
		return err
	}
	switch outcome {
	case failed:
		return errCondition
	case notModified:
		validate(w.Header(), info.Digest)
		w.WriteHeader(http.StatusNotModified)
	default:
		describe(w.Header(), info)
	}
	return nil
}

// begin sets the headers of a download and returns its status.
func begin(h http.Header, artifact *cas.Artifact, ranged bool) int {
	describe(h, artifact.Info)
	if artifact.Whole() {
		// RFC 9530: of the content of this answer, which nobody has hashed if it is a part.
		h.Set("Content-Digest", h.Get("Repr-Digest"))
	}
	if !ranged {
		return http.StatusOK
	}
	part := artifact.Part
	h.Set("Content-Length", strconv.FormatInt(part.Length, 10))
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.Offset, part.Offset+part.Length-1, artifact.Info.Size))
	return http.StatusPartialContent
}

// describe sets the headers of an artifact. Its media type is never guessed, and told only
// if nothing runs because of it; and it is never shown in place: artifacts come from
// strangers.
func describe(h http.Header, info cas.Info) {
	validate(h, info.Digest)
	h.Set("Content-Type", info.MediaType.Inert().String())
	h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	h.Set("Content-Disposition", disposition(info.FileName))
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Repr-Digest", "sha-256=:"+info.Digest.Base64()+":") // RFC 9530: of the whole, in a 206 as well
}

// validate sets what a 304 repeats of the headers of a 200 (RFC 9110 §15.4.5).
func validate(h http.Header, d digest.Digest) {
	h.Set("ETag", etag(d))
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
}

// etag is strong: the same digest is the same bytes.
func etag(d digest.Digest) string { return `"` + d.String() + `"` }

// disposition writes the name as RFC 6266 has it; mime encodes what is not ASCII as
// filename* (RFC 8187).
func disposition(name cas.FileName) string {
	if name == "" {
		return "attachment"
	}
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": string(name)}); d != "" {
		return d
	}
	return "attachment"
}

// cutOff ends a download of which the status is out already. Cutting the connection is
// all that still tells the client that what it has is not the artifact (DESIGN I5).
func (s server) cutOff(r *http.Request, ref cas.Ref, err error) {
	severity := slog.LevelError
	if r.Context().Err() != nil {
		severity = slog.LevelInfo // it was the client that went away
	}
	s.Log.LogAttrs(r.Context(), severity, "download cut off",
		slog.String("org", ref.Org.String()), slog.String("digest", ref.Digest.String()), slog.Any("error", err))
	panic(http.ErrAbortHandler)
}
