// Package podidentity emulates EKS Pod Identity: associations between a service
// account and a role, and the credentials endpoint that pods reach through
// AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN. Every
// set of credentials comes from an AssumeRole by the service principal
// pods.eks.amazonaws.com with EKS's session tags, so that the role's trust policy
// decides as it does in a cluster
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
package podidentity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// ServicePrincipal is who assumes the roles.
const ServicePrincipal = "pods.eks.amazonaws.com"

// Association gives the pods of a service account a role.
type Association struct {
	Cluster        string
	Namespace      string
	ServiceAccount string
	RoleARN        string
	// DisableSessionTags leaves out EKS's six session tags: the role's trust policy then
	// needs no sts:TagSession, and its aws:RequestTag conditions cannot match.
	DisableSessionTags bool
}

// Access is what a pod finds in its environment.
type Access struct {
	Path               string // of AWS_CONTAINER_CREDENTIALS_FULL_URI, on the embedded AWS
	AuthorizationToken string // AWS_CONTAINER_AUTHORIZATION_TOKEN
}

// Session is a role session that a service asks for on behalf of a pod.
type Session struct {
	Service    string // principal that assumes the role
	RoleARN    string
	Name       string // 2 to 64 characters
	Tags       map[string]string
	Transitive []string // keys of Tags that survive role chaining
	Duration   time.Duration
}

// Credentials are those of a role session.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// Assumer starts role sessions. It evaluates the role's trust policy; a denial is an
// *api.Error.
type Assumer interface {
	AssumeRoleAsService(ctx context.Context, s Session) (Credentials, error)
}

// record is an association with what belongs to its one emulated pod.
type record struct {
	Association
	Token   string
	PodName string
	PodUID  string
}

// The tables: records by cluster, namespace and service account, and the keys of
// records by the SHA-256 of their token, which makes the look-up independent of how
// much of a guessed token is right.
const (
	records state.Table[record] = "podidentity/associations"
	tokens  state.Table[string] = "podidentity/tokens"
)

// Config is what a Service works with.
type Config struct {
	DB        *state.DB
	Assumer   Assumer
	AccountID string
	Region    string
}

// Service holds associations and serves credentials.
type Service struct{ cfg Config }

// New returns the service over cfg.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Associate makes or changes the association of a service account, of which EKS
// allows one. Doing it again, also after a restart, returns the same Access.
func (s *Service) Associate(a Association) (Access, error) {
	for what, name := range map[string]string{"cluster": a.Cluster, "namespace": a.Namespace, "service account": a.ServiceAccount} {
		if !validName(name) {
			return Access{}, invalid("%s %q: want 1 to %d letters, digits, dots, dashes and underscores", what, name, maxName)
		}
	}
	if !strings.HasPrefix(a.RoleARN, "arn:") {
		return Access{}, invalid("role %q: want the ARN of a role", a.RoleARN)
	}
	fresh := record{Token: rand.Text() + rand.Text(), PodName: a.ServiceAccount + "-0", PodUID: uuid.NewString()}
	var saved record
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		key := a.Cluster + "/" + a.Namespace + "/" + a.ServiceAccount
		rec, err := records.Get(tx, key)
		switch {
		case errors.Is(err, state.ErrNotFound):
			rec = fresh
		case err != nil:
			return err
		}
		rec.Association = a
		saved = rec
		if err := tokens.Put(tx, tokenKey(rec.Token), key); err != nil {
			return err
		}
		return records.Put(tx, key, rec)
	})
	if err != nil {
		return Access{}, fmt.Errorf("saving the association: %w", err)
	}
	return Access{Path: Path, AuthorizationToken: saved.Token}, nil
}

// invalid is what EKS answers to parameters that it does not take.
func invalid(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

// maxName is the longest name of a Kubernetes object (RFC 1123 subdomain), and
// longer than that of an EKS cluster, which is 100.
const maxName = 253

// validName keeps names to characters that session names and tags may hold, and
// away from the one that separates them in keys.
func validName(s string) bool {
	return 0 < len(s) && len(s) <= maxName && strings.Trim(s, letters+"0123456789.-_") == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// find returns the record that a token belongs to, or state.ErrNotFound.
func (s *Service) find(token string) (rec record, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) error {
		key, err := tokens.Get(tx, tokenKey(token))
		if err != nil {
			return err
		}
		rec, err = records.Get(tx, key)
		return err
	})
	return rec, err
}

func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
