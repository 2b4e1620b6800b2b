// Package s3api emulates the S3 data plane and the configuration of buckets: what a
// client reaches at a bucket's, an access point's or an alias's address.
//
// A request is answered in a fixed order: address, authorization, existence,
// preconditions, body. Nothing about a bucket, key or setting is told to a caller
// whom the policies do not allow to know it.
package s3api

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/blob"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Keys are the KMS keys that objects are encrypted under. The errors are those that
// a client of S3 sees.
type Keys interface {
	// GenerateDataKey returns a 256-bit data key, in the clear and encrypted under
	// keyARN. It authorizes kms:GenerateDataKey for caller, with kms:ViaService = via.
	GenerateDataKey(ctx context.Context, caller *api.Caller, keyARN string, encryptionContext map[string]string, via string) (plaintext, ciphertext []byte, err error)
	// Decrypt returns the data key in ciphertext. It authorizes kms:Decrypt for caller.
	Decrypt(ctx context.Context, caller *api.Caller, ciphertext []byte, encryptionContext map[string]string, via string) (plaintext []byte, err error)
	// KeyARN returns the ARN of the key that an id, alias or ARN names. It authorizes
	// nothing.
	KeyARN(id string) (string, error)
	// ManagedKey returns the ARN of the AWS managed key of a service ("s3"), which the
	// account's principals may use through via without further permission.
	ManagedKey(ctx context.Context, service, via string) (string, error)
}

// Config is what the service needs. All fields but Hosts and Log are required.
type Config struct {
	DB        *state.DB
	Dir       string // object bytes and the key for SSE-S3 lie here
	AccountID string
	Region    string
	// Hosts are the names, besides localhost and IP addresses, at which the endpoint is
	// reached: bucket and access point labels stand before them.
	Hosts      []string
	Gate       gate.Authorizer
	Principals gate.Principals
	Keys       Keys
	Log        *slog.Logger
}

// Service is the emulated S3. It is safe for concurrent use.
type Service struct {
	cfg       Config
	addresses addresses
	router    router
	policies  *policies
	blobs     *blob.Store
	md5s      md5s
	master    *blob.MasterKey
	stop      func() // ends the housekeeping
}

var _ api.Emulated = (*Service)(nil)

// New opens the service over cfg.DB and cfg.Dir. Object bytes that no record names,
// left by a process that died, are removed. Close it before the DB.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, addresses: newAddresses(cfg.Hosts), router: newRouter(), policies: newPolicies()}
	var err error
	if s.blobs, err = blob.Open(filepath.Join(cfg.Dir, "blobs"), cfg.DB); err != nil {
		return nil, err
	}
	if s.master, err = blob.OpenMasterKey(filepath.Join(cfg.Dir, "sse-s3.key")); err != nil {
		return nil, err
	}
	if err := s.sweep(); err != nil {
		return nil, err
	}
	s.stop = s.keepHouse()
	return s, nil
}

// call is one request with its parts taken apart.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	req    *api.Request
	op     operation
	query  url.Values
	target target
}

// Operations implements api.Emulated.
func (s *Service) Operations() (names []string) {
	for _, op := range s.router.operations {
		names = append(names, op.name)
	}
	return names
}

// Operation implements api.Emulated.
func (s *Service) Operation(r *http.Request) string {
	if r.URL.Query().Has("X-Amz-Signature") {
		r = promote(r)
	}
	at, err := s.addresses.of(r)
	if err != nil {
		// Serve explains what is wrong with the address; a path that cannot be read is
		// still a request for something.
		at.hasKey = !at.empty()
	}
	op, _ := s.router.match(r, at)
	return op.name
}

// Serve implements api.Emulated.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	err := s.serve(w, r, req)
	if err != nil && r.Header.Get("Expect") == "" {
		// A client that is still sending would take the closed connection for the answer.
		_, _ = io.Copy(io.Discard, io.LimitReader(req.Body, maxDrain))
	}
	return err
}

// maxDrain bounds how much of a refused request is read before the answer is sent.
const maxDrain = 64 << 20

func (s *Service) serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	if req.Presigned {
		r = promote(r)
	}
	at, err := s.addresses.of(r)
	if err != nil {
		return err
	}
	op, ok := s.router.match(r, at)
	if !ok || op.serve == nil {
		return notImplemented(op.name)
	}
	c := &call{w: w, r: r, req: req, op: op, query: r.URL.Query()}
	if c.target, err = s.find(at); err != nil {
		return err
	}
	if err := c.refuseUnknownParts(); err != nil {
		return err
	}
	return op.serve(s, r.Context(), c)
}

// WriteError implements api.Emulated.
func (s *Service) WriteError(w http.ResponseWriter, r *http.Request, requestID string, err *api.Error) {
	if r.Method == http.MethodHead {
		w.WriteHeader(err.Status) // HTTP gives HEAD no body to say more in
		return
	}
	body := errorBody{Code: err.Code, Message: err.Message, Resource: r.URL.Path, RequestID: requestID, HostID: w.Header().Get("X-Amz-Id-2")}
	for _, e := range err.Extra {
		body.Extra = append(body.Extra, element{XMLName: xml.Name{Local: e[0]}, Value: e[1]})
	}
	if werr := writeXML(w, err.Status, body); werr != nil {
		s.cfg.Log.Debug("client left before the error was sent", slog.String("requestId", requestID), slog.Any("error", werr))
	}
}

// readAll reads a document and verifies the checksum that the request gives of it.
func (c *call) readAll() ([]byte, error) {
	body, err := c.readBody()
	if err != nil {
		return nil, err
	}
	if needChecksum[c.op.name] && !c.vouched() {
		return nil, invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return body, checkDocument(c, body)
}

// readBody reads a body of at most maxBody bytes, which completes the check of its
// signature.
func (c *call) readBody() ([]byte, error) {
	var body bytes.Buffer
	if c.req.BodyLength > maxBody {
		return nil, tooLarge()
	}
	n, err := body.ReadFrom(io.LimitReader(c.req.Body, maxBody+1))
	if err != nil {
		if aerr, ok := errors.AsType[*api.Error](err); ok {
			return nil, aerr
		}
		return nil, api.Errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly: %v", err)
	}
	if n > maxBody {
		return nil, tooLarge()
	}
	return body.Bytes(), nil
}

func tooLarge() *api.Error {
	return api.Errorf(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too large; the limit here is %d bytes.", maxBody)
}
