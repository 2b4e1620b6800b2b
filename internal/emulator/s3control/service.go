// Package s3control emulates the part of the S3 Control API that manages access
// points: their life cycle, policies and tags, the account's block public access
// settings, and the tags of buckets, which OpenTofu's AWS provider reads here.
//
// What is stored is shared with the S3 data plane through package s3state.
package s3control

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// DefaultQuota is how many access points an account may have per Region before
// AWS is asked for more (facts AWS §1.3).
const DefaultQuota = 10_000

// maxBody bounds a request body: a 20 KB policy whose quotes are all written as
// XML entities, and the elements around it.
const maxBody = 256 << 10

// accountHeader names the account that a request is about; every operation needs it.
const accountHeader = "X-Amz-Account-Id"

// Config is what the service needs. All fields but Quota and Log are required.
type Config struct {
	DB         *state.DB
	AccountID  string
	Region     string
	Gate       gate.Authorizer
	Principals gate.Principals
	Quota      int // access points per account and Region; 0 means DefaultQuota
	Log        *slog.Logger
}

// Service is the emulated S3 Control API. It is safe for concurrent use.
type Service struct {
	cfg        Config
	operations []operation
}

var _ api.Emulated = (*Service)(nil)

// New returns the service over cfg.DB.
func New(cfg Config) *Service {
	if cfg.Quota == 0 {
		cfg.Quota = DefaultQuota
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg}
	s.operations = append(s.implemented(), unimplemented()...)
	return s
}

// call is one request with its parts taken apart.
type call struct {
	param string // the value of the placeholder in the path, if the pattern has one
	query url.Values
	body  []byte
	req   *api.Request
}

// Operations implements api.Emulated.
func (s *Service) Operations() (names []string) {
	for _, op := range s.operations {
		names = append(names, op.name)
	}
	return names
}

// Operation implements api.Emulated.
func (s *Service) Operation(r *http.Request) string {
	op, _, ok := s.match(r)
	if !ok {
		return ""
	}
	return op.name
}

// Serve implements api.Emulated.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	op, param, ok := s.match(r)
	if !ok || op.serve == nil {
		return api.NotImplemented("s3control", op.name)
	}
	if err := s.checkAccount(r, req.Caller); err != nil {
		return err
	}
	body, err := readBody(req.Body)
	if err != nil {
		return err
	}
	out, err := op.serve(r.Context(), &call{param: param, query: r.URL.Query(), body: body, req: req})
	if err != nil {
		return err
	}
	if out == nil {
		w.WriteHeader(op.status)
		return nil
	}
	return writeXML(w, op.status, out)
}

// WriteError implements api.Emulated. S3 Control wraps the error in an
// ErrorResponse element, which S3 itself does not.
func (s *Service) WriteError(w http.ResponseWriter, _ *http.Request, requestID string, err *api.Error) {
	body := errorResponse{Error: errorBody{Code: err.Code, Message: err.Message}, RequestID: requestID}
	if werr := writeXML(w, err.Status, body); werr != nil {
		s.cfg.Log.Debug("client left before the error was sent", slog.String("requestId", requestID), slog.Any("error", werr))
	}
}

// checkAccount refuses requests for another account: the access point operations
// do not work across accounts (facts AWS §1.3). SDKs put the account into a header
// and into the first label of the host; both must agree.
func (s *Service) checkAccount(r *http.Request, caller *api.Caller) error {
	account := r.Header.Get(accountHeader)
	if account == "" {
		return invalidRequest("the header x-amz-account-id is missing: send the id of the account that owns the access point")
	}
	if !isAccountID(account) {
		return invalidRequest("x-amz-account-id must be 12 digits")
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if label, _, _ := strings.Cut(host, "."); isAccountID(label) && label != account {
		return invalidRequest("the account in the host name and in x-amz-account-id differ")
	}
	if caller.Kind == api.Anonymous || account != s.cfg.AccountID || caller.AccountID != account {
		return accessDenied()
	}
	return nil
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// readBody reads the whole body, which also completes the check of its signature.
func readBody(body io.Reader) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		if aerr, ok := errors.AsType[*api.Error](err); ok {
			return nil, aerr
		}
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	if len(raw) > maxBody {
		return nil, api.Errorf(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too large; the limit here is %d bytes.", maxBody)
	}
	return raw, nil
}

func writeXML(w http.ResponseWriter, status int, v any) error {
	raw, err := xml.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, err = w.Write(append([]byte(xml.Header), raw...))
	return err
}

// serveFunc answers one operation: with a value to encode as XML, or nil for an
// empty body.
type serveFunc func(ctx context.Context, c *call) (any, error)
