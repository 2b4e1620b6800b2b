package iamapi

import (
	"net/netip"
	"net/url"
)

// checkIssuer admits what IAM admits: https, no port, no query. Beyond that, an issuer
// on a loopback address may use http and a port: nothing else is there to test with,
// and what it sends does not leave the machine.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return invalidInput("Invalid Open ID Connect Provider URL")
	}
	local := isLoopback(u.Hostname())
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return invalidInput("The Open ID Connect Provider URL must begin with https://")
	case u.Port() != "" && !local:
		return invalidInput("The Open ID Connect Provider URL must not have a port")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
