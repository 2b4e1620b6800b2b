package irsa

import (
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

// DefaultAudience is the audience of the tokens that EKS projects into pods.
const DefaultAudience = "sts.amazonaws.com"

// The lifetimes of projected tokens
// (https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken;
// EKS asks for a day).
const (
	DefaultLifetime = 24 * time.Hour
	MinLifetime     = 10 * time.Minute
)

// ServiceAccount says for whom and for what a token is.
type ServiceAccount struct {
	Cluster   string
	Namespace string
	Name      string
	Audience  string        // empty: DefaultAudience
	Lifetime  time.Duration // zero: DefaultLifetime; at least MinLifetime
}

// claims are those of a Kubernetes service account token.
type claims struct {
	jwt.Claims
	Kubernetes kubernetes `json:"kubernetes.io"`
}

type kubernetes struct {
	Namespace      string `json:"namespace"`
	ServiceAccount object `json:"serviceaccount"`
}

type object struct {
	Name string `json:"name"`
}

// Token returns a token as the cluster projects it into a pod of the service account.
// It is what AWS_WEB_IDENTITY_TOKEN_FILE holds, and a secret.
func (s *Service) Token(a ServiceAccount) (string, error) {
	for what, name := range map[string]string{"namespace": a.Namespace, "service account": a.Name} {
		if !validName(name) {
			return "", invalid("%s %q: want 1 to %d letters, digits, dots, dashes and underscores", what, name, maxName)
		}
	}
	if a.Audience == "" {
		a.Audience = DefaultAudience
	}
	if a.Lifetime == 0 {
		a.Lifetime = DefaultLifetime
	}
	if a.Lifetime < MinLifetime {
		return "", invalid("lifetime %s of a token: at least %s", a.Lifetime, MinLifetime)
	}
	c, err := s.cluster(a.Cluster)
	if err != nil {
		return "", err
	}
	key, err := c.jwk()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		return "", fmt.Errorf("sign for cluster %s: %w", c.Name, err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer:    s.issuerURL(c.ID),
			Subject:   "system:serviceaccount:" + a.Namespace + ":" + a.Name,
			Audience:  jwt.Audience{a.Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			Expiry:    jwt.NewNumericDate(now.Add(a.Lifetime)),
			ID:        uuid.NewString(),
		},
		Kubernetes: kubernetes{Namespace: a.Namespace, ServiceAccount: object{a.Name}},
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign for cluster %s: %w", c.Name, err)
	}
	return token, nil
}
