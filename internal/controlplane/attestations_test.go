package controlplane_test

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/casupload"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// W26: Store says nothing of success before the CAS has the bundle. Without a CAS the run
// stays open, so that the push can be repeated; an installation that has none says so, and
// that is final.
func TestW26_NoSuccessWithoutTheBundle(t *testing.T) {
	t.Parallel()
	const away = "http://127.0.0.1:1" // nobody listens there
	statement := `{"_type":"https://in-toto.io/Statement/v1","subject":[{}],"predicateType":"p"}`
	bundle := []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte(statement)) + `","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"c2ln"}]}}`)
	for what, tc := range map[string]struct {
		uploads controlplane.Uploads
		code    codes.Code
	}{
		"the CAS is away": {casupload.New(away, http.DefaultTransport, 100*time.Millisecond), codes.Unavailable},
		"there is none":   {nil, codes.FailedPrecondition},
	} {
		p := newPlaneWith(t, tc.uploads)
		acme := p.organization(t, "acme", org.Ready)
		ctx := as(t, p.token(t, acme), "")
		service := controlplanev1.NewAttestationServiceClient(p.conn)
		if _, err := service.FindOrCreateWorkflow(ctx, &controlplanev1.FindOrCreateWorkflowRequest{WorkflowName: "build", ProjectName: "shop"}); err != nil {
			t.Fatal(err)
		}
		begun, err := service.Init(ctx, &controlplanev1.AttestationServiceInitRequest{WorkflowName: "build", ProjectName: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		run := begun.GetResult().GetWorkflowRun().GetId()
		_, err = service.Store(ctx, &controlplanev1.AttestationServiceStoreRequest{WorkflowRunId: run, AttestationBundle: bundle})
		wantCode(t, what, err, tc.code)
		if _, err := service.GetUploadCreds(ctx, &controlplanev1.AttestationServiceGetUploadCredsRequest{WorkflowRunId: run}); err != nil {
			t.Errorf("%s: the run is not open any more: %v", what, err)
		}
	}
}

// What is expired, and what an organization's storage is not ready for.
func TestRunsNeedTimeAndStorage(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, pending := p.organization(t, "acme", org.Ready), p.organization(t, "pending", org.Pending)
	service := controlplanev1.NewAttestationServiceClient(p.conn)
	for _, o := range []org.Organization{acme, pending} {
		if _, err := service.FindOrCreateWorkflow(as(t, p.token(t, o), ""), &controlplanev1.FindOrCreateWorkflowRequest{WorkflowName: "build", ProjectName: "shop"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := service.Init(as(t, p.token(t, pending), ""), &controlplanev1.AttestationServiceInitRequest{WorkflowName: "build", ProjectName: "shop"})
	wantCode(t, "before its storage is there", err, codes.Unavailable)

	_, run, err := p.db.CreateRun(t.Context(), registry.NewRun{Org: acme.ID, Project: "shop", Name: "build"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := as(t, p.token(t, acme), "")
	_, creds := service.GetUploadCreds(ctx, &controlplanev1.AttestationServiceGetUploadCredsRequest{WorkflowRunId: run.ID.String()})
	_, store := service.Store(ctx, &controlplanev1.AttestationServiceStoreRequest{WorkflowRunId: run.ID.String()})
	_, cancel := service.Cancel(ctx, &controlplanev1.AttestationServiceCancelRequest{WorkflowRunId: run.ID.String(), Trigger: 1})
	for what, err := range map[string]error{"credentials": creds, "bundle": store, "cancel": cancel} {
		wantCode(t, what+" of an expired run", err, codes.FailedPrecondition)
		if what != "cancel" && status.Convert(err).Message() != "the workflow run has ended: it is expired: begin another one with attestation init" {
			t.Errorf("%s: %v", what, err)
		}
	}
}
