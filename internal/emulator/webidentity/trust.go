package webidentity

import (
	"crypto/sha1" //nolint:gosec // thumbprints of IAM are SHA-1
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// trust verifies an issuer's host by the system's authorities and, as AWS does for
// hosts that those do not vouch for, by certificates whose thumbprints the provider
// lists
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
// A listed certificate counts as an authority: the host still has to prove its name.
func trust(host string, thumbprints []string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies, with more authorities
		VerifyConnection: func(state tls.ConnectionState) error {
			roots, err := x509.SystemCertPool()
			if err != nil {
				roots = x509.NewCertPool()
			}
			if len(state.PeerCertificates) == 0 {
				return errors.New("the host has no certificate")
			}
			others := x509.NewCertPool()
			for _, cert := range state.PeerCertificates {
				others.AddCert(cert)
				if listed(cert, thumbprints) {
					roots.AddCert(cert)
				}
			}
			_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: others})
			return err
		},
	}
}

func listed(cert *x509.Certificate, thumbprints []string) bool {
	sum := sha1.Sum(cert.Raw) //nolint:gosec // see the import
	print := hex.EncodeToString(sum[:])
	return slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, print) })
}
