package client

import (
	"context"
	"time"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Who is who a token makes its holder.
type Who struct {
	User         string `json:"user"`           // an address; of all tokens the same one
	Name         string `json:"name,omitempty"` // of the token, or the user's first name
	Organization string `json:"organization,omitempty"`
	Role         string `json:"role,omitempty"`
	Instance     bool   `json:"administrator"` // of the installation
}

// Who asks the control plane who the caller is, and in which organization its calls act. For
// the stock client's sake it names that of a token only if the call did.
func (c *Client) Who(ctx context.Context) (Who, error) {
	who, err := c.current(ctx)
	if err != nil || who.Organization != "" || who.Instance {
		return who, err
	}
	answer, err := controlplanev1.NewUserServiceClient(c.controlPlane).ListMemberships(c.call(ctx),
		&controlplanev1.UserServiceListMembershipsRequest{})
	if err != nil {
		return Who{}, failed(err)
	}
	for _, m := range answer.GetResult() {
		if m.GetCurrent() {
			who.Organization, who.Role = m.GetOrg().GetName(), roles[m.GetRole()]
		}
	}
	return who, nil
}

func (c *Client) current(ctx context.Context) (Who, error) {
	answer, err := controlplanev1.NewContextServiceClient(c.controlPlane).Current(c.call(ctx), &controlplanev1.ContextServiceCurrentRequest{})
	if err != nil {
		return Who{}, failed(err)
	}
	u, m := answer.GetResult().GetCurrentUser(), answer.GetResult().GetCurrentMembership()
	return Who{
		User: u.GetEmail(), Name: u.GetFirstName(), Organization: m.GetOrg().GetName(), Role: roles[m.GetRole()], Instance: u.GetInstanceAdmin(),
	}, nil
}

// Session is something that the user is signed in with.
type Session struct {
	ID         string     `json:"id"`
	Client     string     `json:"client"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	Current    bool       `json:"current"`
}

// Sessions lists what the user is signed in with.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	answer, err := managedcasv1.NewLoginServiceClient(c.controlPlane).List(c.call(ctx), &managedcasv1.LoginServiceListRequest{})
	if err != nil {
		return nil, failed(err)
	}
	sessions := make([]Session, 0, len(answer.GetLogins()))
	for _, l := range answer.GetLogins() {
		sessions = append(sessions, Session{
			ID: l.GetId(), Client: l.GetClient(), CreatedAt: l.GetCreatedAt().AsTime(), ExpiresAt: l.GetExpiresAt().AsTime(),
			LastUsedAt: moment(l.GetLastUsedAt()), Current: l.GetCurrent(),
		})
	}
	return sessions, nil
}

// EndSession signs the user out of one; empty: of the one that makes the call.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, err := managedcasv1.NewLoginServiceClient(c.controlPlane).Revoke(c.call(ctx), &managedcasv1.LoginServiceRevokeRequest{Id: id})
	return failed(err)
}

// Redeem returns an instance token for the one that the first start printed.
func (c *Client) Redeem(ctx context.Context, bootstrap, name string) (string, error) {
	answer, err := managedcasv1.NewBootstrapServiceClient(c.controlPlane).Redeem(c.call(ctx), &managedcasv1.BootstrapServiceRedeemRequest{Token: bootstrap, Name: name})
	return answer.GetToken(), failed(err)
}

// Claim makes the calling user an administrator, for the token that the first start printed.
func (c *Client) Claim(ctx context.Context, bootstrap string) error {
	_, err := managedcasv1.NewBootstrapServiceClient(c.controlPlane).Claim(c.call(ctx), &managedcasv1.BootstrapServiceClaimRequest{Token: bootstrap})
	return failed(err)
}

// Federate returns a token of the organization for one of a CI provider.
func (c *Client) Federate(ctx context.Context, organization, token string) (text string, expires time.Time, err error) {
	answer, err := managedcasv1.NewFederationServiceClient(c.controlPlane).Exchange(c.call(ctx),
		&managedcasv1.FederationServiceExchangeRequest{Organization: organization, Token: token})
	if err != nil {
		return "", time.Time{}, failed(err)
	}
	return answer.GetToken(), answer.GetExpiresAt().AsTime(), nil
}
