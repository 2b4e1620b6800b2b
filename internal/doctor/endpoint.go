package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
)

// networkTrouble is what keeps answers away, by what the error says of it.
type networkTrouble struct {
	says      []string
	kind      string // ends the code: "endpoint-dns", "database-dns"
	what, fix string
}

// networkTroubles are in the order in which they are looked for: a proxy that cannot be
// reached is refused as well.
var networkTroubles = []networkTrouble{
	{[]string{"proxyconnect", "Proxy Authentication Required"}, "proxy", "the proxy cannot be used",
		"correct HTTPS_PROXY and NO_PROXY in the pod's environment; with VPC endpoints none is needed"},
	{[]string{"no such host", "server misbehaving", "hostname resolving error"}, "dns", "its name is not resolved",
		"see that the name is right, and that the pod's DNS and the VPC's (enableDnsSupport, private DNS of the VPC endpoints) resolve it"},
	{[]string{"x509:", "tls:", "certificate"}, "tls", "its certificate is not accepted",
		"give the authority's certificate (AWS_CA_BUNDLE for AWS, sslrootcert for PostgreSQL), or take away what breaks TLS up on the way"},
	{[]string{"connection refused", "connection reset", "network is unreachable", "no route to host"}, "refused", "nothing listens there, or a firewall refuses",
		"see the address, NetworkPolicies, security groups, the VPC endpoint or NAT"},
	{[]string{"timeout", "deadline exceeded", "timed out"}, "timeout", "it does not answer",
		"see NetworkPolicies, security groups, and that there is a VPC endpoint or NAT"},
}

// troubleOf finds out what keeps answers away.
func troubleOf(err error) networkTrouble {
	for _, t := range networkTroubles {
		for _, part := range t.says {
			if strings.Contains(err.Error(), part) {
				return t
			}
		}
	}
	return networkTrouble{kind: "unreachable", what: "it cannot be reached", fix: "see what the error says"}
}

// endpoints looks for services that do not answer. One cause is one finding.
func endpoints(o Observation) ([]Finding, error) {
	if errors.Is(o.silent, cloud.ErrNoCredentials) {
		return nil, o.silent
	}
	var found []Finding
	for _, service := range []struct {
		name string
		err  error
	}{
		{"STS", o.ClockAhead.Err}, {"IAM", o.PolicyUse.Err}, {"S3 Control", o.AccessPoints.Err}, {"S3", o.Region.Err},
	} {
		if !errors.Is(service.err, cloud.ErrUnavailable) {
			continue
		}
		trouble := troubleOf(service.err)
		code := "endpoint-" + trouble.kind
		if n := len(found); n > 0 && found[n-1].Code == code {
			found[n-1].What = strings.Replace(found[n-1].What, " of AWS", " and "+service.name+" of AWS", 1)
			continue
		}
		found = append(found, Finding{
			Code: code, Status: Failed,
			What:        fmt.Sprintf("%s of AWS in %s does not answer: %s", service.name, o.Installation.Region, trouble.what),
			Evidence:    service.err.Error(),
			Consequence: "whatever needs it fails, and nothing else could be looked at there",
			Fix:         Fix{Text: trouble.fix},
		})
	}
	return found, nil
}
