package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
)

// Transport is how the listeners of a role are protected. Without TLS they have to be on
// loopback, unless the operator says that something else encrypts.
type Transport struct {
	TLS               TLS  `yaml:"tls"`
	InsecurePlaintext bool `yaml:"insecurePlaintext"`
}

// TLS names the certificate of a role, its chain and its key: PEM files, which are read
// again when they change.
type TLS struct {
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
}

func (t TLS) given() bool { return t != TLS{} }

// check refuses half a pair, and what contradicts itself. Its error begins with the key.
func (t Transport) check() error {
	switch {
	case t.TLS.given() && (t.TLS.CertFile == "" || t.TLS.KeyFile == ""):
		return errors.New("tls has one file: give certFile and keyFile")
	case t.TLS.given() && t.InsecurePlaintext:
		return errors.New("insecurePlaintext is true beside tls: leave one out")
	}
	return nil
}

// checkPeer refuses the URL of another role whose answers others could change on their way:
// those are the keys that tokens are believed by, and what is sent there are tokens. key is
// that of the URL; of and port are whose HTTP port it should be, and such a port.
func (t Transport) checkPeer(key, text, of string, port int) error {
	if err := checkURL(key, text, of, port); err != nil || text == "" || t.InsecurePlaintext {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback() {
		return err
	}
	return fmt.Errorf("%s is %s, which others can read and answer: give its https URL, or set insecurePlaintext: true beside it where something else encrypts", key, text)
}

// Certificate opens the certificate of t; nil when it has none. key is that of the role in
// the configuration, for errors.
func (t Transport) Certificate(key string, log *slog.Logger) (*Certificate, error) {
	if !t.TLS.given() {
		return nil, nil
	}
	certificate, err := OpenCertificate(t.TLS, log)
	if err != nil {
		return nil, fmt.Errorf("%s.tls: %w", key, err)
	}
	return certificate, nil
}

// Listeners opens what l names, behind the certificate unless that is nil. It leaves
// nothing open when it fails.
func (t Transport) Listeners(key string, l Listen, certificate *Certificate) (Opened, error) {
	opened, err := Listeners(l)
	switch {
	case err != nil:
		return Opened{}, err
	case certificate != nil:
		return opened.secured(certificate), nil
	case t.InsecurePlaintext:
		return opened, nil
	}
	for protocol, listener := range map[string]net.Listener{"grpc": opened.GRPC, "http": opened.HTTP, "metrics": opened.Metrics} {
		if listener != nil && !onLoopback(listener) {
			return Opened{}, errors.Join(fmt.Errorf(
				"%[1]s.listen.%[2]s is %[3]s, which others can reach and read: give %[1]s.tls.certFile and %[1]s.tls.keyFile, or set %[1]s.insecurePlaintext: true where something else encrypts",
				key, protocol, listener.Addr()), opened.close())
		}
	}
	return opened, nil
}

// secured is o behind TLS.
func (o Opened) secured(certificate *Certificate) Opened {
	secured := Opened{Certificate: certificate}
	if o.GRPC != nil {
		secured.GRPC = tls.NewListener(o.GRPC, certificate.Config("h2"))
	}
	if o.HTTP != nil {
		secured.HTTP = tls.NewListener(o.HTTP, certificate.Config("http/1.1"))
	}
	if o.Metrics != nil {
		secured.Metrics = tls.NewListener(o.Metrics, certificate.Config("http/1.1"))
	}
	return secured
}

func (o Opened) close() error {
	var errs []error
	for _, listener := range []net.Listener{o.GRPC, o.HTTP, o.Metrics} {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	return errors.Join(errs...)
}

// URL is where the process finds its own listener for HTTP or metrics.
func (o Opened) URL(of net.Listener) string {
	scheme := "http"
	if o.Certificate != nil {
		scheme = "https"
	}
	return scheme + "://" + of.Addr().String()
}

// Self is a client for URL. A process knows its certificate better than any authority
// does, and asks by an address that the certificate need not name.
func (o Opened) Self() *http.Client {
	if o.Certificate == nil {
		return &http.Client{}
	}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: true, // the next line is stricter
			VerifyConnection: func(state tls.ConnectionState) error {
				if len(state.PeerCertificates) == 0 || !o.Certificate.shown(state.PeerCertificates[0]) {
					return errors.New("it is another server that answers at our own address")
				}
				return nil
			},
		},
	}}
}

func onLoopback(listener net.Listener) bool {
	address, ok := listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// authorities are the system's certificate authorities and those in file.
func authorities(file string) (*x509.CertPool, []byte, error) {
	text, err := readPEM(file)
	if err != nil {
		return nil, nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, nil, fmt.Errorf("loading the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, nil, fmt.Errorf("%s has no certificate in it: give the authority's, in PEM", file)
	}
	return pool, text, nil
}
