package client

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Trust says which CI pipelines may act for the organization.
type Trust struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Issuer    string            `json:"issuer"`
	Audience  string            `json:"audience"`
	Subjects  []string          `json:"subjects"`
	Claims    map[string]string `json:"claims,omitempty"`
	Lifetime  string            `json:"lifetime"`
	Reusable  bool              `json:"reusable"` // a provider's token may be exchanged again until it ends
	Enabled   bool              `json:"enabled"`
	CreatedAt time.Time         `json:"createdAt"`
	CreatedBy string            `json:"createdBy"`
}

func trust(t *managedcasv1.Trust) Trust {
	return Trust{
		ID: t.GetId(), Name: t.GetName(), Issuer: t.GetIssuer(), Audience: t.GetAudience(), Subjects: t.GetSubjects(), Claims: t.GetClaims(),
		Lifetime: t.GetLifetime().AsDuration().String(), Reusable: t.GetReusable(), Enabled: t.GetEnabled(), CreatedAt: t.GetCreatedAt().AsTime(), CreatedBy: t.GetCreatedBy(),
	}
}

// CreateTrust trusts pipelines; of t, what the server decides is not read. Their tokens
// last ten minutes when lifetime is 0.
func (c *Client) CreateTrust(ctx context.Context, t Trust, lifetime time.Duration) (Trust, error) {
	wanted := &managedcasv1.Trust{Name: t.Name, Issuer: t.Issuer, Audience: t.Audience, Subjects: t.Subjects, Claims: t.Claims, Reusable: t.Reusable}
	if lifetime != 0 {
		wanted.Lifetime = durationpb.New(lifetime)
	}
	answer, err := managedcasv1.NewTrustServiceClient(c.controlPlane).Create(c.call(ctx), &managedcasv1.TrustServiceCreateRequest{Trust: wanted})
	if err != nil {
		return Trust{}, failed(err)
	}
	return trust(answer.GetTrust()), nil
}

// Trusts lists whom the organization trusts.
func (c *Client) Trusts(ctx context.Context) ([]Trust, error) {
	answer, err := managedcasv1.NewTrustServiceClient(c.controlPlane).List(c.call(ctx), &managedcasv1.TrustServiceListRequest{})
	if err != nil {
		return nil, failed(err)
	}
	trusts := make([]Trust, 0, len(answer.GetTrusts()))
	for _, t := range answer.GetTrusts() {
		trusts = append(trusts, trust(t))
	}
	return trusts, nil
}

// EnableTrust turns a trust on or off.
func (c *Client) EnableTrust(ctx context.Context, id string, enabled bool) error {
	_, err := managedcasv1.NewTrustServiceClient(c.controlPlane).SetEnabled(c.call(ctx), &managedcasv1.TrustServiceSetEnabledRequest{Id: id, Enabled: enabled})
	return failed(err)
}

// DeleteTrust ends a trust.
func (c *Client) DeleteTrust(ctx context.Context, id string) error {
	_, err := managedcasv1.NewTrustServiceClient(c.controlPlane).Delete(c.call(ctx), &managedcasv1.TrustServiceDeleteRequest{Id: id})
	return failed(err)
}
