package decisions_test

import (
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// actor is somebody who calls AWS through the SDK.
type actor struct {
	config    aws.Config
	s3Options func(*s3.Options) // how buckets are addressed; may be nil
	wire      *wire
}

func (w *world) actor(key, secret, token string) *actor {
	if key == "" {
		return w.actorWith(aws.AnonymousCredentials{})
	}
	return w.actorWith(credentials.NewStaticCredentialsProvider(key, secret, token))
}

func (w *world) actorWith(provider aws.CredentialsProvider) *actor {
	wire := &wire{next: w.dial()}
	return &actor{wire: wire, config: aws.Config{
		Region: region, Credentials: provider, HTTPClient: &http.Client{Transport: wire},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}}
}

func (a *actor) s3() *s3.Client {
	if a.s3Options == nil {
		return s3.NewFromConfig(a.config)
	}
	return s3.NewFromConfig(a.config, a.s3Options)
}

func (a *actor) control() *s3control.Client { return s3control.NewFromConfig(a.config) }
func (a *actor) sts() *sts.Client           { return sts.NewFromConfig(a.config) }
func (a *actor) iam() *iam.Client           { return iam.NewFromConfig(a.config) }
func (a *actor) kms() *kms.Client           { return kms.NewFromConfig(a.config) }

// wire remembers the last answer: its request id finds the journal's entry, and its
// status is not what the SDK makes of it.
type wire struct {
	next http.RoundTripper

	mu        sync.Mutex
	host      string
	requestID string
	status    int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := w.next.RoundTrip(r)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.host, w.requestID, w.status = r.URL.Host, res.Header.Get("X-Amz-Request-Id"), res.StatusCode
	}
	return res, err
}

func (w *wire) last() (requestID string, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requestID, w.status
}

// lastHost is the name that the last request was addressed to.
func (w *wire) lastHost() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.host
}
