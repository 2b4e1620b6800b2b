package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// Verified is a request whose signature has been proven.
type Verified struct {
	auth *Auth
	key  []byte // signing key, for chunks and trailers
}

// Verify proves the signature with the key's secret. payload is the request's whole
// body for services other than S3, which sign its hash without stating it; for S3
// it is ignored: S3 states the hash in a header, and Verified.Body checks it.
func (a *Auth) Verify(r *http.Request, payload []byte, secret string, now time.Time) (*Verified, error) {
	if err := a.checkTime(now); err != nil {
		return nil, err
	}
	payloadHash := a.payload
	if !a.s3() {
		payloadHash = hexSHA256(payload)
	}
	canonical, err := a.canonicalRequest(r, payloadHash)
	if err != nil {
		return nil, err
	}
	key := signingKey(secret, a.Scope)
	toSign := a.stringToSign(algorithm, hexSHA256([]byte(canonical)))
	if !equal(sign(key, toSign), a.signature) {
		e := a.fail(Mismatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
		e.Extra = [][2]string{
			{"AWSAccessKeyId", a.AccessKeyID},
			{"StringToSign", toSign},
			{"SignatureProvided", a.signature},
			{"CanonicalRequest", canonical},
		}
		return nil, e
	}
	return &Verified{auth: a, key: key}, nil
}

// checkTime holds the time of signing against now. A presigned request may be as
// old as it says, and like any other at most MaxSkew from the future.
func (a *Auth) checkTime(now time.Time) error {
	now = now.UTC()
	extra := [][2]string{
		{"RequestTime", a.Time.Format(timeFormat)},
		{"ServerTime", now.Format(time.RFC3339)},
	}
	switch {
	case a.Presigned && a.Time.After(now.Add(MaxSkew)):
		e := a.fail(Expired, "Request is not yet valid")
		e.Extra = extra
		return e
	case a.Presigned && now.After(a.Time.Add(a.Expires)):
		e := a.fail(Expired, "Request has expired")
		e.Extra = append(extra, [2]string{"Expires", a.Time.Add(a.Expires).Format(time.RFC3339)})
		return e
	case !a.Presigned && now.Sub(a.Time).Abs() > MaxSkew:
		e := a.fail(Skewed, "The difference between the request time and the current time is too large.")
		e.Extra = append(extra, [2]string{"MaxAllowedSkewMilliseconds", "900000"})
		return e
	}
	return nil
}

// stringToSign is the common form of what is signed for a request, a chunk and a
// trailer; lines are the parts that differ.
func (a *Auth) stringToSign(kind string, lines ...string) string {
	return kind + "\n" + a.Time.Format(timeFormat) + "\n" + a.Scope.String() + "\n" + strings.Join(lines, "\n")
}

// signingKey derives the key that is good for one day, Region and service.
func signingKey(secret string, s Scope) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.Date, s.Region, s.Service, terminator} {
		key = mac(key, part)
	}
	return key
}

func sign(key []byte, text string) string { return hex.EncodeToString(mac(key, text)) }

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// equal compares in constant time: the expected signature must not be found byte
// by byte from response times.
func equal(want, got string) bool { return hmac.Equal([]byte(want), []byte(got)) }

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
