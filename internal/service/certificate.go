package service

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// recheckFiles is how long a certificate serves before its files are read again.
	// cert-manager renews days ahead: a few seconds are soon enough, and two small reads
	// cost less than one handshake.
	recheckFiles = 5 * time.Second
	// maxClockSkew is how far the clock of an authority may be ahead of ours when it has just
	// signed.
	maxClockSkew = time.Minute
	// maxPEMBytes bounds a file of certificates or a key: a chain of ten has some 20 KiB.
	maxPEMBytes = 256 << 10
)

// Certificate is what a server shows to its clients. Its files are read again while it is
// in use, so that a renewed one serves the next connection; those that are open stay as
// they are. They are compared by content: a mounted secret changes by the swap of a
// symbolic link, which leaves sizes and times what they were. A pair that cannot be used
// is said once in the log, and the one before serves on.
type Certificate struct {
	files TLS
	log   *slog.Logger
	every time.Duration // between two looks at the files

	mu      sync.Mutex
	text    []byte // of both files, as they were used last
	pair    *tls.Certificate
	checked time.Time
	failure string // of the last look; empty: there was none
}

// OpenCertificate reads the pair that files name. It fails when they are no pair, or one
// that nobody would accept today.
func OpenCertificate(files TLS, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{files: files, log: log, every: recheckFiles, checked: time.Now()}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// Config returns the settings of a server that shows the certificate and speaks protocol:
// h2 for gRPC, whose clients insist on ALPN, and http/1.1 for HTTP, where every bound on
// slow clients is one on a connection of their own.
func (c *Certificate) Config(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{protocol},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current(), nil
		},
	}
}

// current returns the pair to show now.
func (c *Certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < c.every {
		return c.pair
	}
	c.checked = time.Now()
	before := c.pair
	err := c.load()
	switch {
	case err != nil && err.Error() != c.failure:
		c.failure = err.Error()
		c.log.Error("the new TLS certificate cannot be used; the one before serves on",
			slog.Any("error", err), slog.Time("expires", c.pair.Leaf.NotAfter))
	case err == nil:
		c.failure = ""
		if c.pair != before {
			c.log.Info("another TLS certificate serves", slog.Time("expires", c.pair.Leaf.NotAfter))
		}
	}
	return c.pair
}

// load takes what the files hold when it is good and another than before. The caller has
// the lock, or the only reference.
func (c *Certificate) load() error {
	certificate, err := readPEM(c.files.CertFile)
	if err != nil {
		return err
	}
	key, err := readPEM(c.files.KeyFile)
	if err != nil {
		return err
	}
	text := append(append(certificate, 0), key...)
	if bytes.Equal(text, c.text) {
		return nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.files.CertFile, c.files.KeyFile, err)
	}
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		return fmt.Errorf("%s: the certificate expired at %s: renew it", c.files.CertFile, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Add(maxClockSkew).Before(pair.Leaf.NotBefore):
		return fmt.Errorf("%s: the certificate is good from %s on, and not before: compare the clocks", c.files.CertFile, pair.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	c.text, c.pair = text, &pair
	return nil
}

// shown reports whether certificate is the one in use: how a process knows itself.
func (c *Certificate) shown(certificate *x509.Certificate) bool {
	return certificate.Equal(c.current().Leaf)
}

var (
	certificateExpiry = prometheus.NewDesc("managedcas_tls_certificate_expiry_timestamp_seconds",
		"When the TLS certificate in use expires.", nil, nil)
	certificateRefused = prometheus.NewDesc("managedcas_tls_certificate_refused",
		"1 while the files hold a certificate that cannot be used, and an older one serves.", nil, nil)
)

// Collectors shows how long the certificate is good; of none, nothing.
func (c *Certificate) Collectors() []prometheus.Collector {
	if c == nil {
		return nil
	}
	return []prometheus.Collector{c}
}

// Describe implements prometheus.Collector.
func (c *Certificate) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- certificateExpiry
	descriptions <- certificateRefused
}

// Collect implements prometheus.Collector.
func (c *Certificate) Collect(metrics chan<- prometheus.Metric) {
	pair := c.current()
	c.mu.Lock()
	refused := 0.0
	if c.failure != "" {
		refused = 1
	}
	c.mu.Unlock()
	metrics <- prometheus.MustNewConstMetric(certificateExpiry, prometheus.GaugeValue, float64(pair.Leaf.NotAfter.Unix()))
	metrics <- prometheus.MustNewConstMetric(certificateRefused, prometheus.GaugeValue, refused)
}

func readPEM(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEMBytes+1))
	if err == nil && len(text) > maxPEMBytes {
		err = errors.New("too long for a certificate or a key")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return text, nil
}
