package rollout

import (
	"encoding/base64"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	"github.com/managedcas/managedcas/test/authority"
)

const (
	statement = `{"_type": "https://in-toto.io/Statement/v1", "subject": [{}], "predicateType": "p"}`
	bundle    = `{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {}, "dsseEnvelope":
		{"payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "c2ln"}], "payload": "`
)

// attest has the control plane store a bundle, which it does in cas: the one call between
// the two that a client sees. It trusts nobody but what the chart has mounted.
func attest(t *testing.T, address, token string, trusted *authority.Authority) {
	t.Helper()
	transport := insecure.NewCredentials()
	if trusted != nil {
		transport = credentials.NewClientTLSFromCert(trusted.Pool, "")
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	must(t, err)
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	service := controlplanev1.NewAttestationServiceClient(conn)
	_, err = service.FindOrCreateWorkflow(ctx, &controlplanev1.FindOrCreateWorkflowRequest{WorkflowName: "build", ProjectName: "shop"})
	must(t, err)
	begun, err := service.Init(ctx, &controlplanev1.AttestationServiceInitRequest{WorkflowName: "build", ProjectName: "shop"})
	must(t, err)
	_, err = service.Store(ctx, &controlplanev1.AttestationServiceStoreRequest{
		WorkflowRunId:     begun.GetResult().GetWorkflowRun().GetId(),
		AttestationBundle: []byte(bundle + base64.StdEncoding.EncodeToString([]byte(statement)) + `"}}`),
	})
	must(t, err)
}
