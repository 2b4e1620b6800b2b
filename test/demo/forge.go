package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// forge uploads bytes under a digest that they do not have: with a token that is in
// order, and with a client of our own, because managedcas would not do it.
func (d *demo) forge(ctx context.Context) error {
	sum := sha256.Sum256([]byte("the release that everybody trusts"))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	token, err := d.uploadToken(ctx, d.acme, digest)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, d.dev.ready.CAS.HTTP+"/v1/artifacts/"+digest, strings.NewReader("something else"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("uploading under a forged digest: %w", err)
	}
	defer resp.Body.Close()
	var answer struct{ Kind, Detail, Hint string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusBadRequest || answer.Kind != "invalid" {
		return unexpected("uploading under a forged digest", "400, the content does not match its digest", fmt.Sprintf("%s %+v", resp.Status, answer))
	}
	d.out.refused(resp.Status, "Other bytes are uploaded as "+short(digest)+", with a valid token of acme")
	d.out.field("call", "PUT "+req.URL.Path)
	d.out.field("decided by", "the hash of what arrived: "+answer.Detail+"; "+answer.Hint)

	const notFound = 6 // docs/cli.md
	_, err = d.managedcas(ctx, "--org", "acme", "artifact", "describe", "-d", digest)
	if exitCode(err) != notFound {
		return unexpected("the forged artifact", "exit code 6, not found", fmt.Sprint(err))
	}
	d.out.gap()
	d.out.ok("nothing was stored: managedcas artifact describe says not found")
	return nil
}

// uploadToken asks the control plane for a CAS token, as every client does.
func (d *demo) uploadToken(ctx context.Context, o organization, digest string) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+d.dev.ready.Controlplane.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+d.dev.ready.AdminToken,
		"chainloop-organization", o.Name)
	answer, err := controlplanev1.NewCASCredentialsServiceClient(conn).Get(ctx, &controlplanev1.CASCredentialsServiceGetRequest{
		Role: controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER, Digest: digest,
	})
	if err != nil {
		return "", fmt.Errorf("asking for an upload token: %w", err)
	}
	return answer.GetResult().GetToken(), nil
}
