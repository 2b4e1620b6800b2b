package decisions_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestAddresses: however a client names an access point, the request is decided by
// the access point's ARN and then the bucket's (facts AWS §1.1).
func TestAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	a := w.sessionA()
	dual := func(o *s3.Options) { o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled }
	fips := func(o *s3.Options) { o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled }
	pathStyle := func(o *s3.Options) { o.UsePathStyle = true }
	const name = apA + "-" + account
	for label, tc := range map[string]struct {
		bucket string
		option func(*s3.Options)
		host   string // that the request must have gone to
	}{
		"ARN":             {apARN(apA), nil, name + ".s3-accesspoint.eu-west-1.amazonaws.com"},
		"ARN with colons": {strings.Replace(apARN(apA), "/", ":", 1), nil, name + ".s3-accesspoint.eu-west-1.amazonaws.com"},
		"ARN, dual stack": {apARN(apA), dual, name + ".s3-accesspoint.dualstack.eu-west-1.amazonaws.com"},
		"ARN, FIPS":       {apARN(apA), fips, name + ".s3-accesspoint-fips.eu-west-1.amazonaws.com"},
		"alias":           {w.alias(apA), nil, w.alias(apA) + ".s3.eu-west-1.amazonaws.com"},
		"alias in path":   {w.alias(apA), pathStyle, "s3.eu-west-1.amazonaws.com"},
	} {
		for verb, request := range map[string]call{"GET": get(tc.bucket, "orgA/x"), "PUT": put(tc.bucket, "orgA/new")} {
			addressed := *a
			addressed.s3Options = tc.option
			err := request(t.Context(), &addressed)
			if host := a.wire.lastHost(); host != tc.host {
				t.Errorf("%s %s: went to %s", verb, label, host)
			}
			allowedBy(ownObject...).check(t, w, &addressed, err)
		}
		other := strings.Replace(tc.bucket, apA, apB, 1)
		if strings.Contains(tc.bucket, "s3alias") {
			other = w.alias(apB)
		}
		addressed := *a
		addressed.s3Options = tc.option
		deniedBy(iam.LayerResource, "P0Others").check(t, w, &addressed, get(other, "orgA/x")(t.Context(), &addressed))
	}
}

// TestProxy: a stock client whose endpoint is also its proxy sends absolute-form
// request lines (RFC 9112 §3.2.2), without TLS. Its requests are decided like others;
// what a policy says about plain HTTP is heard.
func TestProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	docs := w.base()
	w.install(docs)
	srv := httptest.NewServer(w.aws)
	t.Cleanup(srv.Close)
	endpoint, err := url.Parse(srv.URL)
	w.must(err)

	a := w.sessionA()
	proxied := *a
	transport := &http.Transport{Proxy: http.ProxyURL(endpoint)}
	t.Cleanup(transport.CloseIdleConnections)
	proxied.wire = &wire{next: transport}
	proxied.config.HTTPClient = &http.Client{Transport: proxied.wire}
	proxied.config.BaseEndpoint = &srv.URL
	through := get(apARN(apA), "orgA/x")

	deniedBy(iam.LayerResource, "B0PlainHTTP").check(t, w, &proxied, through(t.Context(), &proxied))
	if host := proxied.wire.lastHost(); !strings.HasPrefix(host, apA+"-"+account+".127.0.0.1:") {
		t.Errorf("went to %s", host)
	}
	docs.bucket.Statement = docs.bucket.Statement[:2]
	w.must(putBucketPolicy(docs.bucket.text(t))(t.Context(), w.root))
	for _, name := range []string{apARN(apA), w.alias(apA)} {
		allowedBy(ownObject...).check(t, w, &proxied, get(name, "orgA/x")(t.Context(), &proxied))
	}
	deniedBy(iam.LayerResource, "P0Others").check(t, w, &proxied, get(apARN(apB), "orgB/y")(t.Context(), &proxied))

	// AWS's own name of the access point, which no resolver here knows.
	proxied.config.BaseEndpoint = nil
	proxied.s3Options = func(o *s3.Options) { o.EndpointOptions.DisableHTTPS = true }
	allowedBy(ownObject...).check(t, w, &proxied, through(t.Context(), &proxied))
	if host := proxied.wire.lastHost(); host != apA+"-"+account+".s3-accesspoint."+region+".amazonaws.com" {
		t.Errorf("went to %s", host)
	}
}

// TestNobodyLearnsWhatExists: to those who may nothing, an access point or bucket
// that does not exist looks like one that does.
func TestNobodyLearnsWhatExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	a := w.sessionA()
	for _, where := range []string{apARN("elsewhere"), apARN("cas-prod-none"), "no-such-bucket"} {
		err := get(where, "orgA/x")(t.Context(), a)
		if _, status := a.wire.last(); code(err) != "AccessDenied" || status != 403 {
			t.Errorf("%s: %v", where, err)
		}
	}
}
