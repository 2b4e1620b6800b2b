package awscloud

import (
	"context"
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
)

// PresignPut implements cas.Direct. Everything that S3 acts upon is among the signed
// headers, the checksum and the length too: in the query, where SDKs put what they can,
// it would be out of a reader's sight. The payload itself is not signed, as always in a
// URL; S3 holds it against the checksum.
func (o *Objects) PresignPut(ctx context.Context, key string, d digest.Digest, size int64, label cas.Label, life time.Duration) (cas.Presigned, error) {
	began := time.Now()
	signed, err := o.presigner(life, headersStay).PresignPutObject(ctx, o.put(key, d, size, label))
	return presigned(signed, began.Truncate(time.Second).Add(life)), failed(err, "presigning the upload of %q", key)
}

// PresignGet implements cas.Direct. No header is signed but the host, so that a plain
// link is enough; and a Range may be added (facts AWS §1.3). What describes the content is
// overruled: of an upload that a client made itself, S3 keeps headers that nobody signed.
func (o *Objects) PresignGet(ctx context.Context, key string, name cas.FileName, life time.Duration) (cas.Presigned, error) {
	began := time.Now()
	signed, err := o.presigner(life).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(o.accessPoint), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled,
		ResponseContentType:        aws.String(contentType),
		ResponseContentDisposition: aws.String(attachment(name)),
		ResponseContentEncoding:    aws.String("identity"),
		ResponseContentLanguage:    aws.String("zxx"), // no linguistic content (RFC 5646 §4.1)
		ResponseCacheControl:       aws.String("private, no-transform"),
	})
	return presigned(signed, began.Truncate(time.Second).Add(life)), failed(err, "presigning the download of %q", key)
}

// attachment has a browser save the content, and never show it: artifacts come from
// strangers (RFC 6266).
func attachment(name cas.FileName) string {
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": string(name)}); name != "" && d != "" {
		return d
	}
	return "attachment"
}

// Checksum implements cas.Direct. A COMPOSITE checksum is one of checksums, and says
// nothing about the address (facts AWS §7.1).
func (o *Objects) Checksum(ctx context.Context, key string) (cas.Info, digest.Digest, error) {
	info, out, err := o.head(ctx, key, types.ChecksumModeEnabled)
	if err != nil || out.ChecksumType != types.ChecksumTypeFullObject {
		return info, digest.Digest{}, err
	}
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(out.ChecksumSHA256))
	if err != nil || len(sum) == 0 {
		return info, digest.Digest{}, nil
	}
	d, err := digest.FromSum(sum)
	return info, d, err
}

func (o *Objects) presigner(life time.Duration, more ...func(*s3.PresignOptions)) *s3.PresignClient {
	return s3.NewPresignClient(o.s3, append(more,
		s3.WithPresignExpires(life),
		s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
			o.BaseEndpoint = named(o.BaseEndpoint)
			o.EndpointResolverV2 = s3.NewDefaultEndpointResolverV2() // the kept one knows only the other name
		}),
	)...)
}

// headersStay keeps the signer from moving headers to the query.
func headersStay(o *s3.PresignOptions) {
	o.Presigner = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableHeaderHoisting, o.DisableURIPathEscaping = true, true })
}

// named returns the endpoint of an embedded AWS under the name localhost. The label of an
// access point goes before it, and only a name can have labels: curl and browsers know
// that everything under localhost is this machine (RFC 6761 §6.3), but nobody looks up
// "tenant-123456789012.127.0.0.1".
func named(endpoint *string) *string {
	u, err := url.Parse(aws.ToString(endpoint))
	if err != nil {
		return endpoint
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return endpoint
	}
	u.Host = net.JoinHostPort("localhost", u.Port())
	return aws.String(u.String())
}

func presigned(signed *v4.PresignedHTTPRequest, until time.Time) cas.Presigned {
	if signed == nil {
		return cas.Presigned{}
	}
	p := cas.Presigned{Method: signed.Method, URL: signed.URL, Header: map[string]string{}, ExpiresAt: until}
	for name, values := range signed.SignedHeader {
		if name != "Host" {
			p.Header[http.CanonicalHeaderKey(name)] = strings.Join(values, ",")
		}
	}
	return p
}
