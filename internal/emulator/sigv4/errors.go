package sigv4

import (
	"fmt"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Kind says what is wrong with a request's authentication. Services name the same
// fault differently; Error.For knows how.
type Kind int

// The kinds of faults, in the order in which AWS looks for them.
const (
	BadRequest      Kind = iota + 1 // the request itself cannot be parsed
	TwoSignatures                   // header and query form at once
	Unsupported                     // another signature scheme
	Malformed                       // the claim cannot be read
	NoDate                          // no usable date
	UnsignedHeaders                 // an x-amz-* header is not covered
	NoPayloadHash                   // S3 without x-amz-content-sha256
	BadPayloadHash                  // x-amz-content-sha256 is none of the modes
	WrongScope                      // another Region, service or day
	UnknownKey                      // no such access key, or a wrong session token
	ExpiredToken                    // the session is over
	Skewed                          // clocks too far apart
	Expired                         // presigned and too old
	Mismatch                        // the signature is wrong
	Missing                         // nobody signed, and the service wants a signature
)

// Error is a refused authentication.
type Error struct {
	Kind      Kind
	Presigned bool
	Message   string
	Extra     [][2]string // further elements of an S3 error body
}

func (e *Error) Error() string { return e.Message }

// answer is a status and an AWS error code.
type answer struct {
	status int
	code   string
}

// answers is how the three protocols report each kind. Sources: the S3 error list
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), the common
// errors of STS and IAM (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html)
// and of KMS (https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html), whose
// codes Secrets Manager shares,
// facts AWS §4.6. Of an expired session token AWS's own page of common errors says
// nothing but the name; what answers show is ExpiredToken with 403 of STS and IAM
// (https://github.com/aws/aws-sdk-java-v2/issues/1649,
// https://github.com/pulumi/pulumi-aws/issues/2560), ExpiredTokenException with 400 of KMS
// (https://github.com/getsops/sops/issues/621, https://github.com/boto/boto3/issues/1127).
// The ExpiredTokenException with 400 that the model of STS has is about the web identity
// token in a request, not about who signed it.
var answers = map[Kind]struct{ s3, query, json answer }{
	BadRequest:      {answer{400, "InvalidURI"}, answer{400, "MalformedQueryString"}, answer{400, "ValidationException"}},
	TwoSignatures:   {answer{400, "InvalidArgument"}, answer{400, "IncompleteSignature"}, answer{400, "IncompleteSignatureException"}},
	Unsupported:     {answer{400, "InvalidRequest"}, answer{400, "IncompleteSignature"}, answer{400, "IncompleteSignatureException"}},
	Malformed:       {answer{400, "AuthorizationHeaderMalformed"}, answer{400, "IncompleteSignature"}, answer{400, "IncompleteSignatureException"}},
	NoDate:          {answer{403, "AccessDenied"}, answer{400, "IncompleteSignature"}, answer{400, "IncompleteSignatureException"}},
	UnsignedHeaders: {answer{403, "AccessDenied"}, answer{403, "SignatureDoesNotMatch"}, answer{400, "InvalidSignatureException"}},
	NoPayloadHash:   {s3: answer{400, "InvalidRequest"}},
	BadPayloadHash:  {s3: answer{400, "InvalidArgument"}},
	WrongScope:      {answer{400, "AuthorizationHeaderMalformed"}, answer{403, "SignatureDoesNotMatch"}, answer{400, "InvalidSignatureException"}},
	UnknownKey:      {answer{403, "InvalidAccessKeyId"}, answer{403, "InvalidClientTokenId"}, answer{400, "UnrecognizedClientException"}},
	ExpiredToken:    {answer{400, "ExpiredToken"}, answer{403, "ExpiredToken"}, answer{400, "ExpiredTokenException"}},
	Skewed:          {answer{403, "RequestTimeTooSkewed"}, answer{403, "SignatureDoesNotMatch"}, answer{400, "InvalidSignatureException"}},
	Expired:         {answer{403, "AccessDenied"}, answer{403, "SignatureDoesNotMatch"}, answer{400, "InvalidSignatureException"}},
	Mismatch:        {answer{403, "SignatureDoesNotMatch"}, answer{403, "SignatureDoesNotMatch"}, answer{400, "InvalidSignatureException"}},
	Missing:         {answer{403, "AccessDenied"}, answer{403, "MissingAuthenticationToken"}, answer{400, "MissingAuthenticationTokenException"}},
}

// wordings are the messages that differ between S3 and the other services, in the same
// sources.
var wordings = map[Kind]struct{ s3, others string }{
	UnknownKey:   {"The AWS Access Key Id you provided does not exist in our records.", "The security token included in the request is invalid."},
	ExpiredToken: {"The provided token has expired.", "The security token included in the request is expired"},
}

// For returns the error as service reports it.
func (e *Error) For(service string) *api.Error {
	row := answers[e.Kind]
	var a answer
	message := e.Message
	wording, fixed := wordings[e.Kind]
	if fixed {
		message = wording.others
	}
	switch service {
	case "sts", "iam":
		a = row.query
	case "kms", "secretsmanager":
		a = row.json
	default:
		a = row.s3
		if fixed {
			message = wording.s3
		}
		if e.Kind == Malformed || e.Kind == WrongScope {
			if e.Presigned {
				a.code = "AuthorizationQueryParametersError"
			} else {
				message = "The authorization header is malformed; " + message
			}
		}
	}
	if a.status == 0 {
		a = answer{400, "InvalidRequest"}
	}
	return &api.Error{Status: a.status, Code: a.code, Message: message, Extra: e.Extra}
}

func fail(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

func (a *Auth) fail(kind Kind, format string, args ...any) *Error {
	e := fail(kind, format, args...)
	e.Presigned = a.Presigned
	return e
}

func unsupported(scheme string) *Error {
	return fail(Unsupported, "The authorization mechanism you have provided (%s) is not supported. Please use %s.", scheme, algorithm)
}
