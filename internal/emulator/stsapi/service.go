// Package stsapi is the Security Token Service of the embedded AWS: who am I, and
// assuming a role, as a principal of the account or with a token of an identity
// provider.
//
// Order of checks, limits and texts follow facts AWS §4, most of them observed on
// AWS itself. Where AWS documents nothing the stricter reading is taken.
package stsapi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/webidentity"
)

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// Config is what the service works with.
type Config struct {
	Directory *directory.Directory
	Gate      gate.Authorizer
	Keys      webidentity.KeySource // of web identity tokens; nil: no issuer is reachable
	// PackedSize returns how much of the space for session policies and tags a session
	// uses, in percent; over 100 is refused with PackedPolicyTooLarge. nil: an estimate
	// after measured values (EstimatePackedSize).
	PackedSize func(Packed) int
	// AllowMissingPolicies lets PolicyArns name policies that do not exist, which then
	// grant nothing, instead of refusing the request. AWS documents neither.
	AllowMissingPolicies bool
}

// Service is the emulated STS. It is safe for concurrent use.
type Service struct {
	cfg       Config
	documents *gate.Documents // trust policies
}

// New returns the service over cfg.
func New(cfg Config) *Service {
	if cfg.PackedSize == nil {
		cfg.PackedSize = EstimatePackedSize
	}
	return &Service{cfg: cfg, documents: gate.NewDocuments()}
}

var _ api.Emulated = (*Service)(nil)

// Operations implements api.Emulated.
func (s *Service) Operations() []string {
	return []string{"AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"}
}

// Operation implements api.Emulated.
func (s *Service) Operation(r *http.Request) string {
	if action := r.PostForm.Get("Action"); slices.Contains(s.Operations(), action) {
		return action
	}
	return ""
}

// Serve implements api.Emulated.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	var (
		result any
		err    error
	)
	switch req.Operation {
	case "GetCallerIdentity":
		result = callerIdentity(req.Caller)
	case "AssumeRole":
		result, err = s.assumeRole(r, req)
	case "AssumeRoleWithWebIdentity":
		result, err = s.assumeRoleWithWebIdentity(r, req)
	default:
		err = api.NotImplemented("sts", req.Operation)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", req.Operation, err)
	}
	return awsquery.Write(w, namespace, req.Operation, req.ID, result)
}

// WriteError implements api.Emulated.
func (s *Service) WriteError(w http.ResponseWriter, _ *http.Request, requestID string, err *api.Error) {
	awsquery.WriteError(w, namespace, requestID, err)
}

type callerIdentityResult struct {
	Arn     string
	UserId  string
	Account string
}

// callerIdentity needs no permission: not even an explicit Deny stops it
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
func callerIdentity(caller *api.Caller) callerIdentityResult {
	return callerIdentityResult{Arn: caller.ARN, UserId: caller.UserID, Account: caller.AccountID}
}
