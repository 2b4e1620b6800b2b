package client

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Token is an API token as a client sees it: without the secret.
type Token struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Organization string     `json:"organization,omitempty"` // none: it administers the installation
	CreatedAt    time.Time  `json:"createdAt"`
	ExpiresAt    *time.Time `json:"expiresAt,omitempty"`
	LastUsedAt   *time.Time `json:"lastUsedAt,omitempty"`
}

// CreateToken issues a token of the organization that the client acts in, and returns its
// text, which no server can tell again. It does not expire when lifetime is 0.
func (c *Client) CreateToken(ctx context.Context, name string, lifetime time.Duration) (text string, t Token, err error) {
	request := &controlplanev1.APITokenServiceCreateRequest{Name: name}
	if lifetime != 0 {
		request.ExpiresIn = durationpb.New(lifetime)
	}
	answer, err := controlplanev1.NewAPITokenServiceClient(c.controlPlane).Create(c.call(ctx), request)
	if err != nil {
		return "", Token{}, failed(err)
	}
	return answer.GetResult().GetJwt(), token(answer.GetResult().GetItem()), nil
}

// Tokens lists those of the organization that are not revoked.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	answer, err := controlplanev1.NewAPITokenServiceClient(c.controlPlane).List(c.call(ctx), &controlplanev1.APITokenServiceListRequest{})
	if err != nil {
		return nil, failed(err)
	}
	tokens := make([]Token, 0, len(answer.GetResult()))
	for _, item := range answer.GetResult() {
		tokens = append(tokens, token(item))
	}
	return tokens, nil
}

// RevokeToken takes a token of the organization back.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := controlplanev1.NewAPITokenServiceClient(c.controlPlane).Revoke(c.call(ctx), &controlplanev1.APITokenServiceRevokeRequest{Id: id})
	return failed(err)
}

func token(item *controlplanev1.APITokenItem) Token {
	return Token{
		ID: item.GetId(), Name: item.GetName(), Organization: item.GetOrganizationName(),
		CreatedAt: item.GetCreatedAt().AsTime(), ExpiresAt: moment(item.GetExpiresAt()), LastUsedAt: moment(item.GetLastUsedAt()),
	}
}

func moment(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.AsTime())
}

// CASToken returns a token for the artifact CAS: for one role, one artifact and two minutes.
func (c *Client) CASToken(ctx context.Context, role cas.Role, d digest.Digest) (string, error) {
	wanted := controlplanev1.CASCredentialsServiceGetRequest_ROLE_DOWNLOADER
	if role == cas.Uploader {
		wanted = controlplanev1.CASCredentialsServiceGetRequest_ROLE_UPLOADER
	}
	answer, err := controlplanev1.NewCASCredentialsServiceClient(c.controlPlane).Get(c.call(ctx),
		&controlplanev1.CASCredentialsServiceGetRequest{Role: wanted, Digest: d.String()})
	return answer.GetResult().GetToken(), failed(err)
}
