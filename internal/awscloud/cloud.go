// Package awscloud speaks to AWS: the verbs of this project in, typed outcomes out.
// It is the only package that imports the AWS SDK.
//
// Every error it returns wraps one outcome of package cloud, names the thing that the
// call was about and carries AWS's request id. Calls are retried a few times when AWS says
// that it is busy, never beyond the context's deadline; those of the control plane keep to
// the process's rates (pacer.go, attempts.go).
package awscloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/trace"
)

// Config is what New needs.
type Config struct {
	// Region of the bucket, key and access points, e.g. "eu-west-1".
	Region string
	// AccountID is the account that owns the access points: 12 digits.
	AccountID string
	// Endpoint is the URL of an embedded AWS, which serves every service; empty means
	// AWS itself. Plain http is accepted on a loopback address only.
	Endpoint string
	// Credentials says who calls; the zero value is the SDK's default chain (EKS Pod
	// Identity and IRSA among it).
	Credentials Credentials
	// Transport carries all requests; nil makes one. Share one, made by NewTransport,
	// between the Clouds of a process to share its connections. The default chain's
	// AWS_CA_BUNDLE works with nil only.
	Transport http.RoundTripper
	// Rates are what the process allows itself of the control-plane APIs; share one
	// between its Clouds. nil: the default rates, for this Cloud alone.
	Rates *Rates
	// Tracing makes spans of calls; nil makes none.
	Tracing trace.TracerProvider
	// Stall is when a body stands still.
	Stall Stall
	// Log receives one debug line per call; nil discards them.
	Log *slog.Logger
}

// Cloud is one AWS account as one identity reaches it. It is safe for concurrent use.
type Cloud struct {
	accountID string
	region    string
	stall     Stall
	log       *slog.Logger
	base      aws.Config // of S3
	rates     *Rates
	metrics   *callMetrics
	sessions  *lru.Cache[sessionKey, *Objects]

	s3      *s3.Client
	control *s3control.Client
	iam     *iam.Client
	sts     *sts.Client
	kms     *kms.Client
	secrets *secretsmanager.Client
}

// New returns a Cloud. It makes no request.
func New(ctx context.Context, cfg Config) (*Cloud, error) {
	if cfg.Region == "" {
		return nil, errors.New("an AWS Region is required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	client, err := httpClient(cfg)
	if err != nil {
		return nil, err
	}
	base, err := baseConfig(ctx, cfg, client)
	if err != nil {
		return nil, err
	}
	if cfg.Rates == nil {
		if cfg.Rates, err = NewRates(nil); err != nil {
			return nil, err
		}
	}
	metrics := newCallMetrics()
	base.APIOptions = append(base.APIOptions, bound(cfg.Rates, watcher{metrics: metrics, tracer: tracerOf(cfg.Tracing)}))
	control := base.Copy()
	control.Retryer = func() aws.Retryer { return pacedRetryer{standardRetryer()} }
	sessions, err := lru.New[sessionKey, *Objects](keptSessions)
	if err != nil {
		return nil, err
	}
	return &Cloud{
		sessions:  sessions,
		accountID: cfg.AccountID,
		region:    cfg.Region,
		stall:     cfg.Stall.withDefaults(),
		log:       cfg.Log,
		base:      base,
		rates:     cfg.Rates,
		metrics:   metrics,
		s3:        s3.NewFromConfig(base, s3Options),
		control:   s3control.NewFromConfig(control),
		iam:       iam.NewFromConfig(control),
		sts:       sts.NewFromConfig(control),
		kms:       kms.NewFromConfig(control),
		secrets:   secretsmanager.NewFromConfig(control, secretsOptions),
	}, nil
}

// baseConfig reads this machine's AWS configuration only for the default chain: with
// explicit credentials nothing of it belongs here.
func baseConfig(ctx context.Context, cfg Config, client aws.HTTPClient) (aws.Config, error) {
	base := aws.Config{Credentials: cfg.Credentials.provider(client)}
	if base.Credentials == nil {
		// The chain may ask STS itself (a profile with role_arn, IRSA): at the same endpoint.
		// Its clients are made before the endpoint is known, and where AWS_ENDPOINT_URL is
		// set as well the SDK asks neither.
		loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region), config.WithHTTPClient(client),
			config.WithBaseEndpoint(cfg.Endpoint), config.WithLogger(sdkLog(cfg.Log)),
			config.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) {
				if c, ok := o.Client.(*sts.Client); ok && cfg.Endpoint != "" {
					o.Client = sts.New(c.Options(), at(cfg.Endpoint))
				}
			}),
			config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) {
				if c, ok := o.Client.(*sts.Client); ok && cfg.Endpoint != "" {
					o.Client = sts.New(c.Options(), at(cfg.Endpoint))
				}
			}))
		if err != nil {
			return aws.Config{}, fmt.Errorf("loading the AWS configuration: %w", err)
		}
		base = loaded
		client = base.HTTPClient // with the certificates of AWS_CA_BUNDLE
	}
	base.Region = cfg.Region
	base.HTTPClient = client
	if cfg.Endpoint != "" {
		base.BaseEndpoint = aws.String(cfg.Endpoint)
	}
	base.Retryer = func() aws.Retryer { return standardRetryer() }
	// Checksums are ours: the sha256 of an artifact is its address. The SDK would add a
	// CRC32 to uploads and hash downloads once more.
	base.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	base.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	base.APIOptions = append(base.APIOptions, logCalls(cfg.Log))
	return base, nil
}

// at has a client of STS ask at the endpoint.
func at(endpoint string) func(*sts.Options) {
	return func(o *sts.Options) { o.BaseEndpoint = aws.String(endpoint) }
}

func s3Options(o *s3.Options) {
	o.DisableMultiRegionAccessPoints = true
	o.DisableS3ExpressSessionAuth = aws.Bool(true)
}
