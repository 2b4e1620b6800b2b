package awscloud

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// sameEndpoint remembers what the SDK's rules make of one access point. They depend on the
// bucket and on options that never change here, and on nothing else of a request, but the
// SDK goes through them twice for each: a tenth of what a small artifact costs.
type sameEndpoint struct {
	rules s3.EndpointResolverV2

	mu     sync.Mutex
	bucket string // "" before the first
	known  smithyendpoints.Endpoint
}

// ResolveEndpoint implements s3.EndpointResolverV2.
func (e *sameEndpoint) ResolveEndpoint(ctx context.Context, params s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	bucket := aws.ToString(params.Bucket)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bucket == "" || e.bucket != bucket {
		found, err := e.rules.ResolveEndpoint(ctx, params)
		if err != nil {
			return found, err
		}
		e.bucket, e.known = bucket, found
	}
	return ownOptions(e.known), nil
}

// ownOptions returns an endpoint whose signing options are the caller's: the SDK adds the
// operation's to them.
func ownOptions(e smithyendpoints.Endpoint) smithyendpoints.Endpoint {
	shared, ok := smithyauth.GetAuthOptions(&e.Properties)
	if !ok {
		return e
	}
	own := make([]*smithyauth.Option, len(shared))
	for i, option := range shared {
		own[i] = &smithyauth.Option{SchemeID: option.SchemeID}
		own[i].IdentityProperties.SetAll(&option.IdentityProperties)
		own[i].SignerProperties.SetAll(&option.SignerProperties)
	}
	var properties smithy.Properties
	properties.SetAll(&e.Properties)
	e.Properties = properties
	smithyauth.SetAuthOptions(&e.Properties, own)
	return e
}
