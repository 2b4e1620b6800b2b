package client

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Artifact describes an artifact.
type Artifact struct {
	Digest   digest.Digest `json:"digest"`
	Size     int64         `json:"size"`
	FileName string        `json:"fileName"`
}

// Progress is told how many more bytes of how many have moved. It may be nil.
type Progress func(moved, total int64)

// Describe returns size and name of an artifact.
func (c *Client) Describe(ctx context.Context, d digest.Digest) (Artifact, error) {
	ctx, err := c.casCall(ctx, controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER, d)
	if err != nil {
		return Artifact{}, err
	}
	return c.describe(ctx, d)
}

func (c *Client) describe(ctx context.Context, d digest.Digest) (Artifact, error) {
	answer, err := casv1.NewResourceServiceClient(c.artifactCAS).Describe(ctx, &casv1.ResourceServiceDescribeRequest{Digest: d.Hex()})
	if err != nil {
		return Artifact{}, failed(err)
	}
	return Artifact{Digest: d, Size: answer.GetResult().GetSize(), FileName: answer.GetResult().GetFileName()}, nil
}

// casCall fetches a CAS token for the artifact and returns a context that carries it.
func (c *Client) casCall(ctx context.Context, role controlplanev1.CASCredentialsServiceGetRequest_Role, d digest.Digest) (context.Context, error) {
	if c.artifactCAS == nil {
		return nil, problem.New(problem.Invalid, "no artifact CAS address", "pass --artifact-cas HOST:PORT or set CHAINLOOP_ARTIFACT_CAS_API")
	}
	answer, err := controlplanev1.NewCASCredentialsServiceClient(c.controlPlane).Get(c.call(ctx),
		&controlplanev1.CASCredentialsServiceGetRequest{Role: role, Digest: d.String()})
	if err != nil {
		return nil, failed(err)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+answer.GetResult().GetToken()), nil
}
