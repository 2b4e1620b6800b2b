package emulator

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
)

// Where the administrator gives pods of emulated clusters what EKS would give them.
const (
	associationsPath = "/_aws/pod-identity/associations"
	podTokensPath    = irsa.Path + "{cluster}/tokens"
)

// maxWorkloadRequest bounds the body of such a request in bytes; names are short.
const maxWorkloadRequest = 1 << 16

// workloads is what an administrator of clusters does: on AWS this takes permissions
// for EKS, which is not emulated. What it hands out is worth a role's credentials, so it
// is for the account's root user alone, who shows the access key by HTTP Basic.
type workloads struct {
	root     Credentials
	roles    *directory.Directory
	pods     *podidentity.Service
	clusters *irsa.Service
}

func (a *workloads) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+associationsPath, a.associate)
	mux.HandleFunc("POST "+podTokensPath, a.issue)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.fromRoot(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="root access key"`)
			http.Error(w, "give the root user's access key id and secret access key as user and password", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *workloads) fromRoot(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	same := func(x, y string) bool { return subtle.ConstantTimeCompare([]byte(x), []byte(y)) == 1 }
	return ok && same(id, a.root.AccessKeyID) && same(secret, a.root.SecretAccessKey)
}

// association is the request for an EKS Pod Identity association.
type association struct {
	Cluster            string `json:"cluster"`
	Namespace          string `json:"namespace"`
	ServiceAccount     string `json:"serviceAccount"`
	RoleARN            string `json:"roleArn"`
	DisableSessionTags bool   `json:"disableSessionTags"`
}

// podEnvironment is what EKS puts into the environment of an associated pod
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
type podEnvironment struct {
	URI   string `json:"AWS_CONTAINER_CREDENTIALS_FULL_URI"`
	Token string `json:"AWS_CONTAINER_AUTHORIZATION_TOKEN"`
}

// associate makes or changes the association of a service account.
func (a *workloads) associate(w http.ResponseWriter, r *http.Request) {
	var in association
	if !readRequest(w, r, &in) {
		return
	}
	err := a.roles.View(func(tx directory.Tx) error {
		_, err := directory.RoleByARN(tx, in.RoleARN)
		return err
	})
	if errors.Is(err, directory.ErrNotFound) {
		http.Error(w, fmt.Sprintf("no role has the ARN %q: create it with aws iam create-role, with a trust policy that allows "+
			"%s sts:AssumeRole and sts:TagSession, and give the ARN that this answers", in.RoleARN, podidentity.ServicePrincipal), http.StatusBadRequest)
		return
	}
	if !accepted(w, err) {
		return
	}
	access, err := a.pods.Associate(podidentity.Association(in))
	if !accepted(w, err) {
		return
	}
	tell(w, podEnvironment{URI: "http://" + r.Host + access.Path, Token: access.AuthorizationToken})
}

// podToken is the request for a token of a service account. The names are those of a
// Kubernetes TokenRequest.
type podToken struct {
	Namespace         string `json:"namespace"`
	ServiceAccount    string `json:"serviceAccount"`
	Audience          string `json:"audience"`
	ExpirationSeconds int32  `json:"expirationSeconds"` // 0: a day
}

// issuedToken is a token, and the issuer to register with IAM for it.
type issuedToken struct {
	Issuer string `json:"issuer"`
	Token  string `json:"token"`
}

// issue makes a token as the cluster projects it into pods; AWS_WEB_IDENTITY_TOKEN_FILE
// is for it.
func (a *workloads) issue(w http.ResponseWriter, r *http.Request) {
	var in podToken
	if !readRequest(w, r, &in) {
		return
	}
	account := irsa.ServiceAccount{
		Cluster: r.PathValue("cluster"), Namespace: in.Namespace, Name: in.ServiceAccount,
		Audience: in.Audience, Lifetime: time.Duration(in.ExpirationSeconds) * time.Second,
	}
	var out issuedToken
	var err error
	if out.Token, err = a.clusters.Token(account); err == nil {
		out.Issuer, err = a.clusters.Issuer(account.Cluster)
	}
	if accepted(w, err) {
		tell(w, out)
	}
}

// readRequest reads a JSON document with no field that is not known; a misspelt one would
// be ignored otherwise. When it returns false, it has answered.
func readRequest(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxWorkloadRequest))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows the document")
		}
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("reading the request: %v", err), http.StatusBadRequest)
	}
	return err == nil
}

// accepted answers for err, if there is one: what the services refuse of a request is
// told; what went wrong inside is not.
func accepted(w http.ResponseWriter, err error) bool {
	if err == nil {
		return true
	}
	e := podidentity.AsAPIError(err)
	http.Error(w, e.Message, e.Status)
	return false
}

// tell answers with a secret.
func tell(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(body)
}
