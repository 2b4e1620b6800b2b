package iamapi

import (
	"errors"
	"net/url"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// checkIdentityPolicy refuses what is not an identity policy.
func checkIdentityPolicy(text string) error {
	if _, err := iam.Parse(iam.KindIdentity, []byte(text)); err != nil {
		return malformedPolicy(err.Error())
	}
	return nil
}

// bindTrust returns the stored form of a trust policy.
func (s *Service) bindTrust(text string) ([]byte, error) {
	doc, err := iam.Parse(iam.KindTrust, []byte(text))
	if err != nil {
		return nil, malformedPolicy(err.Error())
	}
	if n := iam.NonWhitespaceLength([]byte(text)); n > s.quotas.TrustPolicySize {
		return nil, limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", s.quotas.TrustPolicySize)
	}
	bound, err := s.principals.Bind(doc)
	if refused, ok := errors.AsType[*api.Error](err); ok {
		message := refused.Message
		for _, extra := range refused.Extra {
			message += ": " + extra[1]
		}
		return nil, malformedPolicy(message)
	}
	if err != nil {
		return nil, err
	}
	return bound.MarshalJSON()
}

// trustText returns a stored trust policy with the ARNs that its principals have now.
func (s *Service) trustText(stored []byte) (string, error) {
	doc, err := iam.Parse(iam.KindTrust, stored)
	if err != nil {
		return "", err
	}
	text, err := s.principals.Unbind(doc).MarshalJSON()
	return string(text), err
}

// encoded is a document as IAM puts it into answers: percent-encoded after RFC 3986,
// where a space is %20 and not +.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}
