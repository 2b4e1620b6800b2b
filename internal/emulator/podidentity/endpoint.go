package podidentity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Path is where the credentials endpoint is on the embedded AWS.
const Path = "/_aws/pod-identity/v1/credentials"

// sessionDuration is what a role allows when nobody configured more.
const sessionDuration = time.Hour

// answer is what SDKs read from a container credentials endpoint
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
type answer struct {
	AccessKeyID     string    `json:"AccessKeyId"`
	SecretAccessKey string    `json:"SecretAccessKey"`
	Token           string    `json:"Token"`
	AccountID       string    `json:"AccountId"`
	Expiration      time.Time `json:"Expiration"`
}

// refusal is the error form of the same endpoint.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP answers GET Path with credentials for the association whose token is
// the Authorization header.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path || r.Method != http.MethodGet {
		reply(w, http.StatusNotFound, refusal{"ResourceNotFoundException", "GET " + Path + " is all there is"})
		return
	}
	credentials, err := s.Credentials(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		e := AsAPIError(err)
		reply(w, e.Status, refusal{e.Code, e.Message})
		return
	}
	reply(w, http.StatusOK, answer{
		AccessKeyID:     credentials.AccessKeyID,
		SecretAccessKey: credentials.SecretAccessKey,
		Token:           credentials.SessionToken,
		AccountID:       s.cfg.AccountID,
		Expiration:      credentials.Expiration.UTC().Truncate(time.Second),
	})
}

// Credentials starts a role session for the pod that owns token.
func (s *Service) Credentials(ctx context.Context, token string) (Credentials, error) {
	rec, err := s.find(token)
	if errors.Is(err, state.ErrNotFound) {
		return Credentials{}, api.Errorf(http.StatusUnauthorized, "InvalidTokenException",
			"no pod identity association has this token; take AWS_CONTAINER_AUTHORIZATION_TOKEN from the association")
	}
	if err != nil {
		return Credentials{}, err
	}
	session := Session{
		Service:  ServicePrincipal,
		RoleARN:  rec.RoleARN,
		Name:     sessionName(rec),
		Duration: sessionDuration,
	}
	if !rec.DisableSessionTags {
		session.Tags = s.tags(rec)
		for key := range session.Tags {
			session.Transitive = append(session.Transitive, key)
		}
		slices.Sort(session.Transitive)
	}
	return s.cfg.Assumer.AssumeRoleAsService(ctx, session)
}

// tags are the six session tags of EKS, all of them transitive.
func (s *Service) tags(rec record) map[string]string {
	return map[string]string{
		"eks-cluster-arn":            "arn:aws:eks:" + s.cfg.Region + ":" + s.cfg.AccountID + ":cluster/" + rec.Cluster,
		"eks-cluster-name":           rec.Cluster,
		"kubernetes-namespace":       rec.Namespace,
		"kubernetes-service-account": rec.ServiceAccount,
		"kubernetes-pod-name":        rec.PodName,
		"kubernetes-pod-uid":         rec.PodUID,
	}
}

// sessionName is eks-CLUSTER-POD-UUID. STS allows 64 characters; what is cut is the
// cluster and pod, so that the name stays unique.
func sessionName(rec record) string {
	const longest = 64
	unique := "-" + uuid.NewString()
	name := "eks-" + rec.Cluster + "-" + rec.PodName
	return name[:min(len(name), longest-len(unique))] + unique
}

// AsAPIError is what a pod is told of err: AWS's errors as they are, and of all else
// only that it happened.
func AsAPIError(err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	return api.Errorf(http.StatusInternalServerError, "InternalServerException", "the credentials could not be made; see the log of the embedded AWS")
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
