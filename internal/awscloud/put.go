package awscloud

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// putter sends PutObject without the forty middlewares that the SDK makes anew for each
// call, a tenth of what a small upload costs. What decides anything is the SDK's own all
// the same: endpoint, retryer, signer, clock skew, HTTP client and kinds of errors; and
// what this package adds to every call (docs/decisions/016-putobject.md).
type putter struct {
	options s3.Options
	host    *url.URL // of the access point, or with the path of a bucket that has no host
	agent   string
	skew    atomic.Int64
}

// newPutter asks the SDK where it would send an object of o, and as whom.
func newPutter(ctx context.Context, o *Objects) (*putter, error) {
	signed, err := s3.NewPresignClient(o.s3).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &o.accessPoint, Key: &probeKey})
	if err != nil {
		return nil, err
	}
	host, err := url.Parse(signed.URL)
	if err != nil {
		return nil, err
	}
	host.Path, host.RawQuery = strings.TrimSuffix(host.Path, "/"+probeKey), "x-id=PutObject" // the operation, as the SDK tells it
	return &putter{options: o.s3.Options(), host: host, agent: userAgent(ctx)}, nil
}

var probeKey = "k"

// userAgent is what the SDK calls itself.
func userAgent(ctx context.Context) string {
	r := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	_, _, _ = awsmiddleware.NewRequestUserAgent().HandleBuild(ctx, middleware.BuildInput{Request: r}, middleware.BuildHandlerFunc(
		func(context.Context, middleware.BuildInput) (out middleware.BuildOutput, m middleware.Metadata, err error) {
			return
		}))
	return r.Header.Get("User-Agent")
}

// put sends the object that in describes; options adapt the retryer to its body.
func (p *putter) put(ctx context.Context, in *s3.PutObjectInput, hash string, adapt ...func(*s3.Options)) error {
	options := p.options
	for _, fn := range adapt {
		fn(&options)
	}
	stack := middleware.NewStack("PutObject", smithyhttp.NewStackRequest)
	attempts := retry.NewAttemptMiddleware(options.Retryer, smithyhttp.RequestCloner, func(a *retry.Attempt) {
		a.ClientSkew, a.DisableClockSkewCorrection = &p.skew, options.DisableClockSkewCorrection
	})
	err := errors.Join(
		stack.Initialize.Add(&awsmiddleware.RegisterServiceMetadata{ServiceID: s3.ServiceID, OperationName: "PutObject"}, middleware.Before),
		stack.Serialize.Add(middleware.SerializeMiddlewareFunc("Put", func(ctx context.Context, at middleware.SerializeInput, next middleware.SerializeHandler,
		) (middleware.SerializeOutput, middleware.Metadata, error) {
			r, err := p.request(at.Request.(*smithyhttp.Request), in, hash)
			if err != nil {
				return middleware.SerializeOutput{}, middleware.Metadata{}, err
			}
			at.Request = r
			return next.HandleSerialize(v4.SetPayloadHash(ctx, hash), at)
		}), middleware.After),
		awsmiddleware.AddClientRequestIDMiddleware(stack),
		stack.Finalize.Add(attempts, middleware.After),
		stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Sign", p.sign), middleware.After),
		stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Answer", answered), middleware.After),
		stack.Deserialize.Add(&awsmiddleware.RecordResponseTiming{DisableClockSkewCorrection: options.DisableClockSkewCorrection}, middleware.After),
	)
	for _, fn := range options.APIOptions { // ours: pace, metrics, spans, log
		err = errors.Join(err, fn(stack))
	}
	if err != nil {
		return err
	}
	_, _, err = middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(options.HTTPClient), stack).Handle(middleware.ClearStackValues(ctx), in)
	if err != nil {
		err = &smithy.OperationError{ServiceID: s3.ServiceID, OperationName: "PutObject", Err: err}
	}
	return err
}

// request is the SDK's own for in; TestPutIsTheSDKs compares them.
func (p *putter) request(r *smithyhttp.Request, in *s3.PutObjectInput, hash string) (*smithyhttp.Request, error) {
	at := *p.host
	at.Path, at.RawPath = p.host.Path+"/"+*in.Key, p.host.Path+"/"+httpbinding.EscapePath(*in.Key, false)
	r.Method, r.URL, r.ContentLength = http.MethodPut, &at, *in.ContentLength
	// net/http waits for 100 only when a request says that it is HTTP/1.1.
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	h := r.Header
	h.Set("Accept-Encoding", "identity")
	h.Set("Content-Type", *in.ContentType)
	h.Set("If-None-Match", *in.IfNoneMatch)
	h.Set("User-Agent", p.agent)
	h.Set("X-Amz-Checksum-Sha256", *in.ChecksumSHA256)
	h.Set("X-Amz-Content-Sha256", hash)
	for name, value := range in.Metadata {
		h.Set("X-Amz-Meta-"+name, value)
	}
	if *in.ContentLength >= askFirstFrom {
		h.Set("Expect", "100-continue")
	}
	return r.SetStream(in.Body)
}

// sign signs one attempt, as the SDK's client would.
func (p *putter) sign(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	var properties smithy.Properties
	smithyhttp.SetSigV4SigningName(&properties, "s3")
	smithyhttp.SetSigV4SigningRegion(&properties, p.options.Region)
	smithyhttp.SetDisableDoubleEncoding(&properties, true)
	for _, scheme := range p.options.AuthSchemes {
		if scheme.SchemeID() != "aws.auth#sigv4" {
			continue
		}
		identity, err := scheme.IdentityResolver(p.options).GetIdentity(ctx, properties)
		if err == nil {
			err = scheme.Signer().SignRequest(ctx, in.Request.(*smithyhttp.Request), identity, properties)
		}
		if err != nil {
			return out, metadata, err
		}
		return next.HandleFinalize(ctx, in)
	}
	return out, metadata, errors.New("the SDK does not sign with SigV4")
}

// maxAnswer bounds what is read of an answer, which is a few hundred bytes.
const maxAnswer = 64 << 10

// answered makes of a failure what the SDK makes of one. S3 may report one with status 200:
// it counts as 500 (https://repost.aws/knowledge-center/s3-resolve-200-internalerror).
func answered(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	answer := out.RawResponse.(*smithyhttp.Response)
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return out, metadata, &smithy.DeserializationError{Err: err}
	}
	id := answer.Header.Get("X-Amz-Request-Id")
	awsmiddleware.SetRequestIDMetadata(&metadata, id)
	var said struct {
		XMLName       xml.Name
		Code, Message string
	}
	parsed := xml.Unmarshal(body, &said)
	switch isError := parsed == nil && strings.EqualFold(said.XMLName.Local, "Error"); {
	case answer.StatusCode < 300 && answer.StatusCode >= 200 && !isError:
		return out, metadata, nil
	case answer.StatusCode < 300 && answer.StatusCode >= 200:
		answer.StatusCode = http.StatusInternalServerError
	}
	if said.Code == "" {
		said.Message = http.StatusText(answer.StatusCode)
		said.Code = strings.ReplaceAll(said.Message, " ", "")
	}
	return out, metadata, &awshttp.ResponseError{RequestID: id, ResponseError: &smithyhttp.ResponseError{
		Response: answer, Err: &smithy.GenericAPIError{Code: said.Code, Message: said.Message},
	}}
}
