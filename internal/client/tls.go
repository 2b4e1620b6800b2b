package client

import "strings"

// tlsMistakes are what gRPC says of a connection when the two sides have different ideas
// of TLS, and what helps. The transport has no other word for it than its message.
var tlsMistakes = []struct{ said, hint string }{
	{"first record does not look like a TLS handshake", "the server speaks plaintext: pass --insecure if it is on loopback, or use its address with TLS"},
	{"certificate signed by unknown authority", "pass the certificate authority of the server with --control-plane-ca or --artifact-cas-ca, or correct it"},
	{"x509: certificate is valid for", "the certificate is not for this address: use the host name that it names"},
	{"doesn't contain any IP SANs", "the certificate is not for this address: use the host name that it names"},
	{"certificate has expired or is not yet valid", "the server's certificate, or the clock of this machine, is not of this time: its operator renews the one (docs/tls.md)"},
	{"tls: no application protocol", "this is not a gRPC address, and may be the HTTP port of the same server: use its gRPC port"},
	{"looked like an HTTP/1.1 header", "this is not a gRPC address, but an HTTP port: use the gRPC port of the same server"},
	{"error reading server preface", "the server may speak TLS: leave --insecure out"},
}

// tlsHint returns what to do about a connection that failed with message; empty when TLS
// has nothing to do with it.
func tlsHint(message string) string {
	for _, m := range tlsMistakes {
		if strings.Contains(message, m.said) {
			return m.hint
		}
	}
	return ""
}
