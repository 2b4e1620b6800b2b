package emulator

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/sigv4"
	"github.com/managedcas/managedcas/internal/iam"
)

// conditionKeys returns the keys that the request alone determines. Sources:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// and, for s3:*, https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html.
// auth is nil for an unsigned request.
func conditionKeys(r *http.Request, req *api.Request, auth *sigv4.Auth, now time.Time) iam.Context {
	keys := make(iam.Context)
	set := func(key, value string) {
		if value != "" {
			keys.Set(key, value)
		}
	}
	now = now.UTC()
	set("aws:SourceIp", sourceIP(r))
	set("aws:SecureTransport", strconv.FormatBool(r.TLS != nil))
	set("aws:CurrentTime", now.Format(time.RFC3339))
	set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	set("aws:RequestedRegion", requestedRegion(req))
	set("aws:UserAgent", r.UserAgent())
	set("aws:Referer", r.Referer())
	if req.Service != "s3" && req.Service != "s3control" {
		return keys
	}
	if r.TLS != nil {
		set("s3:TlsVersion", tlsVersion(r.TLS.Version))
	}
	if auth == nil {
		return keys
	}
	set("s3:signatureversion", "AWS4-HMAC-SHA256")
	set("s3:authType", "REST-HEADER")
	if auth.Presigned {
		set("s3:authType", "REST-QUERY-STRING")
	}
	set("s3:signatureAge", strconv.FormatInt(max(0, now.Sub(auth.Time).Milliseconds()), 10))
	set("s3:x-amz-content-sha256", auth.PayloadClaim())
	return keys
}

// requestedRegion is us-east-1 for IAM: its only control plane is there, and AWS would
// not accept the other Region that clients of a custom endpoint sign for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion).
func requestedRegion(req *api.Request) string {
	if req.Service == "iam" {
		return "us-east-1"
	}
	return req.Region
}

// tlsVersion writes a version as the numeric condition key s3:TlsVersion has it.
func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}
