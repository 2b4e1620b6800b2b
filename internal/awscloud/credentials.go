package awscloud

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

	"github.com/managedcas/managedcas/internal/cloud"
)

// Credentials says where a Cloud gets its credentials from. The zero value is the
// SDK's default chain. It prints without secrets.
type Credentials struct {
	source string
	id     string // access key id, or the URL of the container endpoint
	secret string // secret access key, or the authorization token
}

// ContainerCredentials come from a container credentials endpoint at url, which is
// asked with an authorization token: what EKS Pod Identity gives to a pod.
func ContainerCredentials(url, token string) Credentials {
	return Credentials{source: "container", id: url, secret: token}
}

// StaticCredentials are a long-lived key: the root of an embedded AWS.
func StaticCredentials(accessKeyID, secretAccessKey string) Credentials {
	return Credentials{source: "static", id: accessKeyID, secret: secretAccessKey}
}

// LogValue keeps secrets out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String names the source, without secrets.
func (c Credentials) String() string {
	if c.source == "" {
		return "default chain"
	}
	return c.source + " " + c.id
}

// GoString is String: %#v must not print secrets either.
func (c Credentials) GoString() string { return c.String() }

// SignedIn reports why the Cloud has no credentials to call AWS with. Those that it has are
// not tried: they are asked for again only when they have expired.
func (c *Cloud) SignedIn(ctx context.Context) error {
	if _, err := c.base.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("no AWS credentials: %w", err)
	}
	return nil
}

// CredentialSource says where this Cloud has its credentials from. If there
// are none the error is cloud.ErrNoCredentials.
func (c *Cloud) CredentialSource(ctx context.Context) (cloud.CredentialSource, error) {
	found, err := c.base.Credentials.Retrieve(ctx)
	if err != nil {
		return cloud.CredentialSource{}, fmt.Errorf("%w: %w", cloud.ErrNoCredentials, err)
	}
	return cloud.CredentialSource{Provider: found.Source, AccessKeyID: found.AccessKeyID}, nil
}

// provider returns nil for the default chain.
func (c Credentials) provider(client aws.HTTPClient) aws.CredentialsProvider {
	switch c.source {
	case "container":
		return aws.NewCredentialsCache(endpointcreds.New(c.id, func(o *endpointcreds.Options) {
			o.AuthorizationToken = c.secret
			o.HTTPClient = client
		}))
	case "static":
		return credentials.NewStaticCredentialsProvider(c.id, c.secret, "")
	default:
		return nil
	}
}
