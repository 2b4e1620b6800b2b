// Package iamapi is the IAM of the embedded AWS: roles, users, access keys and
// managed policies over the records of package directory.
//
// Names, limits, error codes and texts follow facts AWS §5 and the IAM API
// reference (https://docs.aws.amazon.com/IAM/latest/APIReference/). Every operation
// is authorized with the ARN that AWS authorizes it with, before it says whether
// the thing exists.
package iamapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

const namespace = "https://iam.amazonaws.com/doc/2010-05-08/"

// Config is what the service works with.
type Config struct {
	Directory  *directory.Directory
	Gate       gate.Authorizer
	Principals gate.Principals
	Policies   Policies
	Quotas     Quotas // zero value: DefaultQuotas
}

// Policies knows which policies a role or user has.
type Policies interface {
	// PoliciesOf returns the identity policies and the boundary of the role or user with
	// that ARN, or directory.ErrNotFound.
	PoliciesOf(arn string) (iam.PolicySet, error)
}

// Service is the emulated IAM. It is safe for concurrent use.
type Service struct {
	dir        *directory.Directory
	gate       gate.Authorizer
	principals gate.Principals
	policies   Policies
	quotas     Quotas
	operations map[string]operation
}

// operation answers one call; the answer is nil for operations without output.
type operation func(context.Context, *call) (any, error)

// call is one request to an operation.
type call struct {
	*awsquery.Params
	req *api.Request
}

// New returns the service over cfg.
func New(cfg Config) *Service {
	if cfg.Quotas == (Quotas{}) {
		cfg.Quotas = DefaultQuotas()
	}
	s := &Service{dir: cfg.Directory, gate: cfg.Gate, principals: cfg.Principals, policies: cfg.Policies, quotas: cfg.Quotas}
	s.operations = s.table()
	return s
}

var _ api.Emulated = (*Service)(nil)

// Operations implements api.Emulated.
func (s *Service) Operations() []string { return slices.Collect(maps.Keys(s.operations)) }

// Operation implements api.Emulated.
func (s *Service) Operation(r *http.Request) string {
	action := r.PostForm.Get("Action")
	if _, known := s.operations[action]; !known {
		return ""
	}
	return action
}

// Serve implements api.Emulated.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	serve, known := s.operations[req.Operation]
	if !known {
		return api.NotImplemented("iam", req.Operation)
	}
	result, err := serve(r.Context(), &call{Params: awsquery.NewParams(r.PostForm), req: req})
	if err != nil {
		return fmt.Errorf("%s: %w", req.Operation, err)
	}
	return awsquery.Write(w, namespace, req.Operation, req.ID, result)
}

// WriteError implements api.Emulated.
func (s *Service) WriteError(w http.ResponseWriter, _ *http.Request, requestID string, err *api.Error) {
	awsquery.WriteError(w, namespace, requestID, err)
}
