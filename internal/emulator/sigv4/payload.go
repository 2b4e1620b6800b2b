package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// The payload modes of S3 other than a hash:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
// …/sigv4-streaming-trailers.html.
const (
	unsignedPayload       = "UNSIGNED-PAYLOAD"
	streamingSigned       = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrail  = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingUnsignedTail = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// MaxPayload bounds what one request may carry: a single PUT and a part are at most
// 5 GiB (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const MaxPayload = 5 << 30

// Body is a payload without its framing.
type Body struct {
	// Reader is verified while it is read: it ends in io.EOF only when everything that
	// was signed about the payload is true, and in an *api.Error otherwise.
	Reader io.Reader
	Length int64  // decoded length, -1 when unknown
	SHA256 string // the signed hash of the whole payload, lower-case hex, or empty
	// Trailer returns the verified trailing headers once Reader has returned io.EOF.
	Trailer func() http.Header
}

// readPayloadClaim finds what the client signed in place of the payload.
func (a *Auth) readPayloadClaim(r *http.Request) error {
	const name = "X-Amz-Content-Sha256"
	claim, err := a.single(r.Header, name)
	if err != nil {
		return err
	}
	if claim == "" && a.Presigned {
		claim = unsignedPayload
		if values := a.query[name]; len(values) == 1 {
			claim = values[0]
		} else if len(values) > 1 {
			return a.fail(Malformed, "the query parameter %s is repeated", name)
		}
	}
	switch claim {
	case "":
		return a.fail(NoPayloadHash, "Missing required header for this request: x-amz-content-sha256")
	case unsignedPayload, streamingSigned, streamingSignedTrail, streamingUnsignedTail:
	default:
		if !isHexSHA256(claim) {
			return a.fail(BadPayloadHash, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a valid sha256 value.")
		}
	}
	a.payload = claim
	return nil
}

// PayloadClaim is what S3 signs in place of the payload, a hash or the name of a
// mode; it is the condition key s3:x-amz-content-sha256. Empty for other services.
func (a *Auth) PayloadClaim() string { return a.payload }

// Body returns the payload of r, an S3 request. It fails when the framing headers
// contradict each other; what the payload itself does wrong comes out of Read.
func (v *Verified) Body(r *http.Request) (Body, error) {
	noTrailer := func() http.Header { return nil }
	switch v.auth.payload {
	case unsignedPayload:
		return Body{Reader: r.Body, Length: r.ContentLength, Trailer: noTrailer}, checkLength(r.ContentLength)
	case streamingSigned, streamingSignedTrail, streamingUnsignedTail:
		length, err := decodedLength(r)
		if err != nil {
			return Body{}, err
		}
		d := newDecoder(v, r, length)
		return Body{Reader: d, Length: length, Trailer: d.verifiedTrailer}, nil
	}
	want := v.auth.payload
	return Body{
		Reader: &hashReader{src: r.Body, hash: sha256.New(), want: want},
		Length: r.ContentLength, SHA256: want, Trailer: noTrailer,
	}, checkLength(r.ContentLength)
}

func checkLength(n int64) error {
	if n > MaxPayload {
		return api.Errorf(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	}
	return nil
}

func decodedLength(r *http.Request) (int64, error) {
	text := r.Header.Values("X-Amz-Decoded-Content-Length")
	if len(text) != 1 {
		return 0, api.Errorf(411, "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.")
	}
	n, err := strconv.ParseInt(text[0], 10, 64)
	if err != nil || n < 0 {
		return 0, api.Errorf(400, "InvalidArgument", "x-amz-decoded-content-length must be a number of bytes")
	}
	return n, checkLength(n)
}

// hashReader compares a payload with its signed hash where its end would be.
type hashReader struct {
	src  io.Reader
	hash hash.Hash
	want string
	err  error
}

func (h *hashReader) Read(p []byte) (int, error) {
	if h.err != nil {
		return 0, h.err
	}
	n, err := h.src.Read(p)
	h.hash.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		h.err = incomplete(err)
		return 0, h.err
	}
	h.err = io.EOF
	if got := hex.EncodeToString(h.hash.Sum(nil)); got != h.want {
		h.err = &api.Error{
			Status: 400, Code: "XAmzContentSHA256Mismatch",
			Message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
			Extra:   [][2]string{{"ClientComputedContentSHA256", h.want}, {"S3ComputedContentSHA256", got}},
		}
		return 0, h.err
	}
	return n, h.err
}

// incomplete is the answer to a payload that breaks off.
func incomplete(cause error) *api.Error {
	return api.Errorf(400, "IncompleteBody", "The request body terminated unexpectedly: %v", cause)
}
