package emulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/sigv4"
)

// maxBuffered bounds bodies that are held in memory: everything but S3 objects.
const maxBuffered = 1 << 20

// CredentialStore knows access keys.
type CredentialStore interface {
	// Lookup returns the caller that an access key belongs to now, and the key's
	// secret. An unknown key, a session token that is not the key's, and a session
	// whose role is gone are *api.Error InvalidClientTokenId; a session that is over is
	// ExpiredToken.
	Lookup(ctx context.Context, accessKeyID, sessionToken string) (*api.Caller, string, error)
}

// admit finds out what the request is and who sent it, in the order in which AWS
// finds fault (facts AWS §4.6): form of the signature, scope, key, signature. It
// fills req and returns the service, also with an error when one was recognized.
func (f *frame) admit(w http.ResponseWriter, r *http.Request, req *api.Request) (api.Emulated, error) {
	auth, authErr := sigv4.Parse(r)
	if authErr != nil {
		auth = nil // what is half read must not be used
	}
	body, bodyErr := buffer(w, r, auth)
	req.Service = route(r, auth, r.PostForm)
	svc := f.services[req.Service]
	if svc == nil {
		return nil, unknownService(req.Service)
	}
	if bodyErr != nil {
		return svc, bodyErr
	}
	switch {
	case errors.Is(authErr, sigv4.ErrUnsigned):
		if err := f.admitUnsigned(r, req, svc, body); err != nil {
			return svc, err
		}
	case authErr != nil:
		return svc, inTermsOf(req.Service, authErr)
	default:
		if err := f.admitSigned(r, req, auth, body); err != nil {
			return svc, inTermsOf(req.Service, err)
		}
	}
	req.Context = conditionKeys(r, req, auth, time.Now())
	if req.Operation = svc.Operation(r); req.Operation == "" {
		return svc, api.NotImplemented(req.Service, describe(r))
	}
	return svc, nil
}

func (f *frame) admitSigned(r *http.Request, req *api.Request, auth *sigv4.Auth, body []byte) error {
	if err := auth.CheckScope(scopeService(req.Service), f.regions(req.Service)...); err != nil {
		return err
	}
	caller, secret, err := f.credentials.Lookup(r.Context(), auth.AccessKeyID, auth.SessionToken)
	if err != nil {
		return lookupError(err)
	}
	verified, err := auth.Verify(r, body, secret, time.Now())
	if err != nil {
		return err
	}
	req.Caller, req.Region, req.Presigned = caller, auth.Scope.Region, auth.Presigned
	if auth.Scope.Service != "s3" {
		setBody(req, bytes.NewReader(body), int64(len(body)))
		return nil
	}
	payload, err := verified.Body(r)
	if err != nil {
		return err
	}
	setBody(req, payload.Reader, payload.Length)
	req.PayloadSHA256, req.Trailer = payload.SHA256, payload.Trailer
	return nil
}

// admitUnsigned lets anonymous requests go on to S3, whose policies deny them, and
// to the one STS operation that authenticates by a token of its own.
func (f *frame) admitUnsigned(r *http.Request, req *api.Request, svc api.Emulated, body []byte) error {
	switch {
	case req.Service == "s3":
		setBody(req, r.Body, r.ContentLength)
		return nil
	case req.Service == "sts" && svc.Operation(r) == "AssumeRoleWithWebIdentity":
		setBody(req, bytes.NewReader(body), int64(len(body)))
		return nil
	}
	missing := &sigv4.Error{Kind: sigv4.Missing, Message: "Request is missing Authentication Token"}
	return missing.For(req.Service)
}

func setBody(req *api.Request, body io.Reader, length int64) {
	req.Body, req.BodyLength = body, length
	req.Trailer = func() http.Header { return nil }
}

// buffer reads the body of a request that is not for S3, whose signature covers the
// body without stating its hash, and parses it when it is a form. Unsigned requests
// are buffered only when they are forms, which S3 does not have.
func buffer(w http.ResponseWriter, r *http.Request, auth *sigv4.Auth) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form := kind == "application/x-www-form-urlencoded"
	if auth != nil && auth.Scope.Service == "s3" || auth == nil && !form {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBuffered))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return nil, api.Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the request is longer than 1 MiB")
	}
	if err != nil {
		return nil, api.Errorf(http.StatusBadRequest, "IncompleteBody", "reading the request: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form && r.Method == http.MethodPost {
		if r.PostForm, err = url.ParseQuery(string(body)); err != nil {
			return body, api.Errorf(http.StatusBadRequest, "MalformedInput", "the form is not well-formed: %v", err)
		}
	}
	return body, nil
}

// lookupError turns what the credential store says into a kind that each service
// has its own code for.
func lookupError(err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case "InvalidClientTokenId":
		return &sigv4.Error{Kind: sigv4.UnknownKey, Message: e.Message}
	case "ExpiredToken":
		return &sigv4.Error{Kind: sigv4.ExpiredToken, Message: e.Message}
	}
	return err
}

// inTermsOf gives an authentication error the code that service uses.
func inTermsOf(service string, err error) error {
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return e.For(service)
	}
	return err
}
