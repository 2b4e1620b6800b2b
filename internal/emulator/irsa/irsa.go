// Package irsa emulates what EKS does for IAM roles for service accounts: every
// cluster is an OpenID Connect issuer, and its pods hold tokens of it that name their
// service account. It issues tokens and nothing else: whether one is worth credentials
// is decided by STS, from the provider that IAM has and the role's trust policy
// (https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html).
package irsa

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// ErrNotIssuer says that an issuer is none of the clusters here.
var ErrNotIssuer = errors.New("not an issuer of a cluster here")

// Config is what a Service works with.
type Config struct {
	DB     *state.DB
	Region string
}

// Service is the issuers of the clusters. It is safe for concurrent use.
type Service struct{ cfg Config }

// New returns the service over cfg.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// cluster is an issuer. EKS signs with RSA; so does this.
type cluster struct {
	Name  string
	ID    string // last part of the issuer's URL
	KeyID string
	Key   []byte // private, PKCS #8
}

// The tables: clusters by name, and names by the id in their issuer's URL.
const (
	clusters state.Table[cluster] = "irsa/clusters"
	names    state.Table[string]  = "irsa/issuers"
)

// keyBits is the size of the keys that EKS signs with.
const keyBits = 2048

// Issuer returns the URL of a cluster's issuer, in the form that EKS gives it, to
// register with IAM. A cluster is made when it is first named, and stays.
func (s *Service) Issuer(name string) (string, error) {
	c, err := s.cluster(name)
	if err != nil {
		return "", err
	}
	return s.issuerURL(c.ID), nil
}

func (s *Service) issuerURL(id string) string {
	return "https://oidc.eks." + s.cfg.Region + ".amazonaws.com/id/" + id
}

func (s *Service) cluster(name string) (c cluster, err error) {
	if !validName(name) {
		return c, invalid("cluster %q: want 1 to %d letters, digits, dots, dashes and underscores", name, maxName)
	}
	c, err = s.byName(name)
	if !errors.Is(err, state.ErrNotFound) {
		return c, err
	}
	fresh, err := newCluster(name)
	if err != nil {
		return c, err
	}
	err = s.cfg.DB.Update(func(tx state.Tx) error {
		if c, err = clusters.Get(tx, name); !errors.Is(err, state.ErrNotFound) {
			return err // another was faster
		}
		c = fresh
		if err := names.Put(tx, c.ID, name); err != nil {
			return err
		}
		return clusters.Put(tx, name, c)
	})
	if err != nil {
		return c, fmt.Errorf("save cluster %s: %w", name, err)
	}
	return c, nil
}

func (s *Service) byName(name string) (c cluster, err error) {
	err = s.cfg.DB.View(func(tx state.Tx) error {
		c, err = clusters.Get(tx, name)
		return err
	})
	return c, err
}

func newCluster(name string) (cluster, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return cluster{}, fmt.Errorf("make the key of cluster %s: %w", name, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return cluster{}, fmt.Errorf("encode the key of cluster %s: %w", name, err)
	}
	id := make([]byte, 36)
	rand.Read(id)
	return cluster{
		Name:  name,
		ID:    strings.ToUpper(hex.EncodeToString(id[:16])),
		KeyID: hex.EncodeToString(id[16:]),
		Key:   der,
	}, nil
}

// jwk returns the cluster's private key.
func (c *cluster) jwk() (jose.JSONWebKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(c.Key)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("read the key of cluster %s: %w", c.Name, err)
	}
	return jose.JSONWebKey{Key: key, KeyID: c.KeyID, Algorithm: string(jose.RS256), Use: "sig"}, nil
}

// Key returns the public key of that id of an issuer, ErrNotIssuer when the issuer is
// not a cluster here, and nil when it has no such key.
func (s *Service) Key(issuer, keyID string) (*jose.JSONWebKey, error) {
	id, ok := strings.CutPrefix(issuer, s.issuerURL(""))
	if !ok {
		return nil, ErrNotIssuer
	}
	var c cluster
	err := s.cfg.DB.View(func(tx state.Tx) error {
		name, err := names.Get(tx, id)
		if err != nil {
			return err
		}
		c, err = clusters.Get(tx, name)
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, ErrNotIssuer
	}
	if err != nil {
		return nil, fmt.Errorf("look up issuer %s: %w", issuer, err)
	}
	if keyID != c.KeyID {
		return nil, nil
	}
	key, err := c.jwk()
	if err != nil {
		return nil, err
	}
	public := key.Public()
	return &public, nil
}

// invalid is the answer to names and times that no cluster has.
func invalid(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "InvalidParameterException", format, args...)
}

// maxName is the longest name of a Kubernetes object (RFC 1123 subdomain), and longer
// than that of an EKS cluster.
const maxName = 253

func validName(s string) bool {
	return 0 < len(s) && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	})
}
