package cashttp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/problem"
)

// Direct hands out requests that clients send to S3 themselves.
type Direct interface {
	Upload(ctx context.Context, grant cas.Grant, u direct.Upload, ifRecommended bool) (p cas.Presigned, stored bool, err error)
	Download(ctx context.Context, grant cas.Grant, d digest.Digest, ifRecommended bool) (cas.Presigned, cas.Info, error)
	Confirm(ctx context.Context, grant cas.Grant, d digest.Digest) (size int64, created bool, err error)
}

// maxPresignBytes bounds the body of a presign request: a file name, a media type, and
// the JSON around them.
const maxPresignBytes = 4 << 10

// NewDirect returns the handler of
//
//	POST /v1/artifacts/{digest}:presign   a request for S3
//	POST /v1/artifacts/{digest}:confirm   that it was sent; 201 when new, 200 when known
func NewDirect(transfers Direct, tokens Tokens, log *slog.Logger) http.Handler {
	s := directServer{server{Config{Tokens: tokens, Idle: defaultIdle, Log: log}}, transfers}
	verbs := map[string]http.HandlerFunc{"presign": s.handle(bearer, s.presign), "confirm": s.handle(bearer, s.confirm)}
	mux := http.NewServeMux()
	// A wildcard is a whole segment: the verb has to be cut off here.
	mux.HandleFunc("POST /v1/artifacts/{digest}", func(w http.ResponseWriter, r *http.Request) {
		text := r.PathValue("digest")
		colon := strings.LastIndexByte(text, ':')
		verb, ok := verbs[text[colon+1:]]
		if colon < 0 || !ok {
			problem.WriteHTTP(w, problem.New(problem.NotFound, "there is nothing to POST to here", "add :presign or :confirm to the digest"))
			return
		}
		r.SetPathValue("digest", text[:colon])
		verb(w, r)
	})
	return mux
}

type directServer struct {
	server
	transfers Direct
}

// wish is the body of a presign request.
type wish struct {
	Operation     string `json:"operation"`
	Size          *int64 `json:"size"`
	FileName      string `json:"fileName"`
	MediaType     string `json:"mediaType"`
	IfRecommended bool   `json:"ifRecommended"`
}

// signed answers it.
type signed struct {
	Stored    bool              `json:"stored,omitempty"` // an upload that need not be made
	Method    string            `json:"method,omitempty"`
	URL       string            `json:"url,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	ExpiresAt *time.Time        `json:"expiresAt,omitempty"`
	Size      int64             `json:"size"`
	FileName  cas.FileName      `json:"fileName,omitempty"`
	Confirm   string            `json:"confirm,omitempty"` // where to POST when an upload is done
}

func (s directServer) presign(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	var want wish
	if err := decode(http.MaxBytesReader(w, r.Body, maxPresignBytes), &want); err != nil {
		return problem.Wrap(err, problem.Invalid, "the request is not the JSON that was expected",
			`send {"operation": "upload", "size": BYTES, "fileName": NAME} or {"operation": "download"}`)
	}
	switch want.Operation {
	case "upload":
		if want.Size == nil {
			want.Size = new(int64(-1)) // which is none
		}
		p, stored, err := s.transfers.Upload(r.Context(), grant,
			direct.Upload{Digest: d, Size: *want.Size, FileName: want.FileName, MediaType: want.MediaType}, want.IfRecommended)
		if err != nil {
			return err
		}
		answer := signed{Stored: stored, Size: *want.Size}
		if !stored {
			answer.of(p)
			answer.Confirm = "/v1/artifacts/" + d.String() + ":confirm"
		}
		return reply(w, http.StatusOK, answer)
	case "download":
		p, info, err := s.transfers.Download(r.Context(), grant, d, want.IfRecommended)
		if err != nil {
			return err
		}
		answer := signed{Size: info.Size, FileName: info.FileName}
		answer.of(p)
		return reply(w, http.StatusOK, answer)
	}
	return problem.New(problem.Invalid, "the request has no operation", `say "operation": "upload" or "download"`)
}

func (a *signed) of(p cas.Presigned) {
	until := p.ExpiresAt.UTC().Truncate(time.Second)
	a.Method, a.URL, a.Headers, a.ExpiresAt = p.Method, p.URL, p.Header, &until
}

func (s directServer) confirm(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error {
	size, created, err := s.transfers.Confirm(r.Context(), grant, d)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply(w, status, stored{Digest: d, Size: size})
}

// decode reads one JSON value, and nothing behind it.
func decode(body io.Reader, into any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return nil
}

// reply answers with JSON that no cache may keep: a URL is a secret.
func reply(w http.ResponseWriter, status int, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // the & of a URL
	_ = encoder.Encode(answer)   // the client may be gone
	return nil
}
