package controlplane_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// W25: what a look at an organization's storage finds is not ignored. One that does not
// work is shown so, with no token for it and a reason that a client knows to be final,
// until it is found in order.
func TestW25_WhatIsInvalidIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	o := p.move(t, p.organization(t, "acme", org.Pending), org.Degraded, "access point is on another bucket")
	token := p.token(t, o)
	ask := func() error {
		_, err := p.credentials().Get(as(t, token, ""), &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader})
		return err
	}
	status := func() controlplanev1.CASBackendItem_ValidationStatus {
		list, err := p.backends().List(as(t, token, ""), nil)
		if err != nil || len(list.GetResult()) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list.GetResult()[0].GetValidationStatus()
	}
	err := ask()
	wantCode(t, "degraded", err, codes.PermissionDenied)
	if reason(err) != "CAS_BACKEND_ERROR_REASON_INVALID" || status() != controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID {
		t.Errorf("reason %q, status %v", reason(err), status())
	}
	if err := p.db.SaveManagedBackend(t.Context(), o.ID); err != nil { // as the reconciler does
		t.Fatal(err)
	}
	p.move(t, o, org.Ready, "")
	wantCode(t, "repaired", ask(), codes.OK)
	if status() != controlplanev1.CASBackendItem_VALIDATION_STATUS_OK {
		t.Errorf("repaired, status %v", status())
	}
}

// W27: a token is bound to what it is asked for: a download to its digest, an upload to a
// size and, if it names one, its digest. It says nothing of where the artifacts are.
func TestW27_TokensAreBoundAndSayLittle(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	d := digest.Of([]byte("content"))
	for _, tc := range []struct {
		what string
		req  *controlplanev1.CASCredentialsServiceGetRequest
		own  map[string]any // the claims that differ
	}{
		{"download", &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader, Digest: d.String()}, map[string]any{"role": "downloader", "digest": d.String()}},
		{"upload", &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader}, map[string]any{"role": "uploader", "maxbytes": float64(maxArtifact)}},
		{"upload of a digest", &controlplanev1.CASCredentialsServiceGetRequest{Role: uploader, Digest: d.String()}, map[string]any{"role": "uploader", "digest": d.String(), "maxbytes": float64(maxArtifact)}},
	} {
		answer, err := p.credentials().Get(as(t, p.token(t, acme), ""), tc.req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.GetResult().GetToken(), ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := json.Unmarshal(raw, &claims); err != nil {
			t.Fatal(err)
		}
		for name, want := range tc.own {
			if claims[name] != want {
				t.Errorf("%s: %s is %v, want %v", tc.what, name, claims[name], want)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(claims)) {
			if _, own := tc.own[name]; !own && !slices.Contains([]string{"iss", "aud", "jti", "iat", "exp", "org-id", "backend", "sub"}, name) {
				t.Errorf("%s: it says %s: %v", tc.what, name, claims[name])
			}
		}
	}
	_, err := p.credentials().Get(as(t, p.token(t, acme), ""), &controlplanev1.CASCredentialsServiceGetRequest{Role: downloader})
	wantCode(t, "a download of anything", err, codes.InvalidArgument)
}
