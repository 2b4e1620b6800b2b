// Package authority issues certificates for tests, as a private certificate authority
// does, into directories that look like mounted secrets.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority.
type Authority struct {
	File string // its certificate, PEM
	Pool *x509.CertPool

	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	issued      int64
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{File: filepath.Join(t.TempDir(), "ca.pem"), Pool: x509.NewCertPool(), key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	must(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	must(t, err)
	a.Pool.AddCert(a.certificate)
	write(t, a.File, "CERTIFICATE", der)
	a.issued = 1
	return a
}

// Secret is a mounted secret with tls.crt and tls.key. Kubernetes replaces both at once,
// by the swap of a symbolic link that their names lead through.
type Secret struct{ dir string }

// NewSecret makes one that has nothing in it yet.
func NewSecret(t testing.TB) Secret { return Secret{t.TempDir()} }

// CertFile and KeyFile are its files.
func (s Secret) CertFile() string { return filepath.Join(s.dir, "..data", "tls.crt") }

// KeyFile is the file of the key.
func (s Secret) KeyFile() string { return filepath.Join(s.dir, "..data", "tls.key") }

// Renew puts another certificate for localhost and 127.0.0.1 into the secret, good until
// then, and returns its serial number.
func (a *Authority) Renew(t testing.TB, s Secret, until time.Time) int64 {
	t.Helper()
	return a.RenewFrom(t, s, time.Now().Add(-time.Hour), until)
}

// RenewFrom is Renew with a certificate that is good from a time on.
func (a *Authority) RenewFrom(t testing.TB, s Secret, from, until time.Time) int64 {
	t.Helper()
	a.issued++
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.issued), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: from, NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, key.Public(), a.key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	s.Swap(t, func(dir string) {
		write(t, filepath.Join(dir, "tls.crt"), "CERTIFICATE", der)
		write(t, filepath.Join(dir, "tls.key"), "PRIVATE KEY", private)
	})
	return a.issued
}

// Swap replaces the content of the secret by what fill writes.
func (s Secret) Swap(t testing.TB, fill func(dir string)) {
	t.Helper()
	dir, err := os.MkdirTemp(s.dir, "..version-")
	must(t, err)
	fill(dir)
	link := filepath.Join(s.dir, "..data_tmp")
	must(t, os.Symlink(dir, link))
	must(t, os.Rename(link, filepath.Join(s.dir, "..data")))
}

func write(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("certificate authority: %w", err))
	}
}
