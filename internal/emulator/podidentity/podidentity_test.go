package podidentity_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// sts notes what it is asked for and grants it, or fails.
type sts struct {
	asked podidentity.Session
	err   error
}

var expiration = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

func (s *sts) AssumeRoleAsService(_ context.Context, session podidentity.Session) (podidentity.Credentials, error) {
	s.asked = session
	return podidentity.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s", SessionToken: "t", Expiration: expiration}, s.err
}

func start(t *testing.T, file string) (*podidentity.Service, *sts) {
	t.Helper()
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	assumer := &sts{}
	return podidentity.New(podidentity.Config{DB: db, Assumer: assumer, AccountID: "123456789012", Region: "us-west-2"}), assumer
}

func get(s *podidentity.Service, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, podidentity.Path, nil)
	r.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

var backend = podidentity.Association{
	Cluster: "prod", Namespace: "managedcas", ServiceAccount: "backend", RoleARN: "arn:aws:iam::123456789012:role/backend",
}

// TestCredentials: the answer is what SDKs read, and the session has EKS's six tags,
// all transitive (facts AWS §8).
func TestCredentials(t *testing.T) {
	t.Parallel()
	s, assumer := start(t, filepath.Join(t.TempDir(), "state.db"))
	access, err := s.Associate(backend)
	if err != nil {
		t.Fatal(err)
	}
	w := get(s, access.AuthorizationToken)
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	want := map[string]string{
		"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t",
		"AccountId": "123456789012", "Expiration": "2026-01-02T03:04:05Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	asked := assumer.asked
	if asked.Service != "pods.eks.amazonaws.com" || asked.RoleARN != backend.RoleARN {
		t.Errorf("asked for %+v", asked)
	}
	if len(asked.Tags["kubernetes-pod-uid"]) != 36 {
		t.Errorf("pod uid %q", asked.Tags["kubernetes-pod-uid"])
	}
	delete(asked.Tags, "kubernetes-pod-uid")
	wantTags := map[string]string{
		"eks-cluster-arn": "arn:aws:eks:us-west-2:123456789012:cluster/prod", "eks-cluster-name": "prod",
		"kubernetes-namespace": "managedcas", "kubernetes-service-account": "backend", "kubernetes-pod-name": "backend-0",
	}
	if diff := cmp.Diff(wantTags, asked.Tags); diff != "" {
		t.Error(diff)
	}
	if len(asked.Transitive) != 6 || !slices.IsSorted(asked.Transitive) {
		t.Errorf("transitive %v", asked.Transitive)
	}
	if !strings.HasPrefix(asked.Name, "eks-prod-backend-0-") || len(asked.Name) > 64 {
		t.Errorf("session name %q", asked.Name)
	}
	first := asked.Name
	get(s, access.AuthorizationToken)
	if assumer.asked.Name == first {
		t.Error("two sessions have one name")
	}
}

func TestSessionTagsCanBeDisabled(t *testing.T) {
	t.Parallel()
	s, assumer := start(t, filepath.Join(t.TempDir(), "state.db"))
	plain := backend
	plain.DisableSessionTags = true
	plain.Cluster = strings.Repeat("c", 100)
	access, err := s.Associate(plain)
	if err != nil {
		t.Fatal(err)
	}
	get(s, access.AuthorizationToken)
	if assumer.asked.Tags != nil || assumer.asked.Transitive != nil {
		t.Errorf("asked for %+v", assumer.asked)
	}
	if len(assumer.asked.Name) != 64 {
		t.Errorf("session name %q has %d characters", assumer.asked.Name, len(assumer.asked.Name))
	}
}

func TestAssociationsLast(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	access, err := podidentity.New(podidentity.Config{DB: db}).Associate(backend)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}

	s, assumer := start(t, file)
	if w := get(s, access.AuthorizationToken); w.Code != 200 {
		t.Errorf("after a restart: %d %s", w.Code, w.Body)
	}
	changed := backend
	changed.RoleARN = "arn:aws:iam::123456789012:role/other"
	again, err := s.Associate(changed)
	if err != nil || again != access {
		t.Errorf("associating again gives another access (%v)", err)
	}
	get(s, access.AuthorizationToken)
	if assumer.asked.RoleARN != changed.RoleARN {
		t.Errorf("the old role is assumed: %s", assumer.asked.RoleARN)
	}
	other := backend
	other.ServiceAccount = "controlplane"
	if theirs, err := s.Associate(other); err != nil || theirs.AuthorizationToken == access.AuthorizationToken {
		t.Errorf("two service accounts share a token (%v)", err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, assumer := start(t, filepath.Join(t.TempDir(), "state.db"))
	access, err := s.Associate(backend)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "guess", access.AuthorizationToken[1:], access.AuthorizationToken + "x", strings.ToLower(access.AuthorizationToken)} {
		if w := get(s, token); w.Code != 401 {
			t.Errorf("token %q: %d", token, w.Code)
		}
	}
	assumer.err = api.Errorf(403, "AccessDenied", "no trust")
	if w := get(s, access.AuthorizationToken); w.Code != 403 || !strings.Contains(w.Body.String(), `"code":"AccessDenied"`) {
		t.Errorf("denied: %d %s", w.Code, w.Body)
	}
	assumer.err = errors.New("internal detail")
	if w := get(s, access.AuthorizationToken); w.Code != 500 || strings.Contains(w.Body.String(), "internal detail") {
		t.Errorf("failed: %d %s", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, podidentity.Path, nil))
	if w.Code != 404 {
		t.Errorf("POST: %d", w.Code)
	}
	for _, wrong := range []podidentity.Association{
		{},
		{Cluster: "a/b", Namespace: "n", ServiceAccount: "s", RoleARN: "arn:x"},
		{Cluster: "a", Namespace: "n b", ServiceAccount: "s", RoleARN: "arn:x"},
		{Cluster: "a", Namespace: "n", ServiceAccount: strings.Repeat("s", 254), RoleARN: "arn:x"},
		{Cluster: "a", Namespace: "n", ServiceAccount: "s", RoleARN: "role"},
	} {
		if _, err := s.Associate(wrong); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
}
