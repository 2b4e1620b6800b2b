package controlplane

import (
	"context"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// signing is not offered: a certificate for whoever holds a token would say no more than
// the token, and last longer. Stock clients take Unimplemented for "sign with a key of
// your own" (facts WIRE §6.2).
type signing struct {
	controlplanev1.UnimplementedSigningServiceServer
}

// GenerateSigningCert is not offered.
func (signing) GenerateSigningCert(context.Context, *controlplanev1.GenerateSigningCertRequest) (*controlplanev1.GenerateSigningCertResponse, error) {
	return nil, unimplemented("this installation has no certificate authority", "sign with a key of your own: attestation push --key KEY")
}

// GetTrustedRoot is not offered.
func (signing) GetTrustedRoot(context.Context, *controlplanev1.GetTrustedRootRequest) (*controlplanev1.GetTrustedRootResponse, error) {
	return nil, unimplemented("this installation has no certificate authority", "verify with the public key of whoever signed")
}
