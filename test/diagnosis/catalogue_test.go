package diagnosis

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/managedcas/managedcas/internal/doctor"
)

// TestDocumented: every code has its line in docs/doctor.md, and every line its code.
func TestDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/doctor.md")
	must(t, err)
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+-[a-z0-9-]+)` \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = m[2]
	}
	for _, e := range doctor.Catalogue() {
		if documented[e.Code] != e.Cause {
			t.Errorf("%s: docs/doctor.md says %q, the catalogue %q", e.Code, documented[e.Code], e.Cause)
		}
		delete(documented, e.Code)
	}
	for code := range documented {
		t.Errorf("docs/doctor.md has %s, and the catalogue has not", code)
	}
}

// TestEveryCodeHasARow: what has none says why.
func TestEveryCodeHasARow(t *testing.T) {
	t.Parallel()
	var tried []string
	for _, r := range rows() {
		tried = append(tried, r.code)
	}
	known := map[string]bool{}
	for _, e := range doctor.Catalogue() {
		known[e.Code] = true
		switch has, why := slices.Contains(tried, e.Code), elsewhere[e.Code]; {
		case !has && why == "":
			t.Errorf("%s has no row", e.Code)
		case has && why != "":
			t.Errorf("%s has a row, and a reason for having none", e.Code)
		}
	}
	for _, code := range tried {
		if !known[code] {
			t.Errorf("a row wants %s, which is not in the catalogue", code)
		}
	}
	for code := range elsewhere {
		if !known[code] {
			t.Errorf("%s is not in the catalogue", code)
		}
	}
	if len(tried) < 40 {
		t.Errorf("only %d rows", len(tried))
	}
}

// Why codes have no row. They have tests in internal/doctor, on
// observations and answers: those that are made of parts on some of the combinations.
// bucket-policy-isolation, the last net, has caught nothing yet that another code does not name;
// its test is of what it would catch if the other codes were not.
const (
	notEmbedded = "the embedded AWS cannot be brought into this state"
	network     = "it takes a network that is broken in this way"
	anotherTest = "tested beside the table"
	server      = "it takes a server that is not started here"
	size        = "names are not long enough"
	otherRole   = "a role at a path is another role, and whatever names the one that is gone is found as well"
	chance      = "what no row brings about: the case that is not foreseen"
)

var elsewhere = map[string]string{
	"access-point-policy": anotherTest, "purge-role-missing": anotherTest, "purge-role-trust": anotherTest, "purge-role-too-wide": anotherTest,
	"caller-account": notEmbedded, "caller-node-role": notEmbedded, "caller-base-role": notEmbedded,
	"endpoint-dns": network, "endpoint-tls": network, "endpoint-proxy": network, "endpoint-timeout": network, "endpoint-unreachable": network,
	"clock-skew": "it takes another clock", "config-invalid": chance,
	"bucket-of-another-account": notEmbedded, "bucket-region": notEmbedded, "bucket-acls": notEmbedded, "bucket-encryption-missing": notEmbedded,
	"bucket-encryption-dsse": notEmbedded, "bucket-encryption-other": notEmbedded, "bucket-lifecycle-archives": notEmbedded,
	"bucket-policy-malformed": "AWS takes no such policy", "key-policy-malformed": "AWS takes no such policy", "trust-unreadable": "AWS takes no such policy",
	"key-aws-managed": notEmbedded, "key-not-symmetric": notEmbedded, "key-unavailable": notEmbedded, "key-other-arn": notEmbedded,
	"key-policy-sessions": "where the key policy can be read, it names the cause", "trust-assume-role": "where the trust policy can be read, it names the cause",
	"organization-policy": notEmbedded, "endpoint-policy": notEmbedded,
	"session-policy-missing": chance, "bucket-policy-isolation": chance,
	"key-policy-lockout": "AWS support alone undoes it", "key-policy-version": "it matters only without a Bucket Key, which is a finding of its own",
	"base-role-path": otherRole, "workload-path": otherRole,
	"quota-policy-versions-full": size, "quota-policy-versions-near": size, "quota-session-policy-size-full": size, "quota-session-policy-size-near": size,
	"quota-access-point-policy-size-full": size, "quota-access-point-policy-size-near": size, "quota-full": "the quotas that can be read are named first",
	"session-packed-size": anotherTest, "session-packed-size-near": anotherTest,
	"database-file-denied": "tests may run as root", "database-missing": server, "database-password": server, "database-privileges": server,
	"database-dns": network, "database-tls": network, "database-proxy": network, "database-timeout": network, "database-unreachable": network,
	"secret-store-changed": server, "secret-store-failed": server,
	"secret-store-dns": network, "secret-store-tls": network, "secret-store-proxy": network, "secret-store-timeout": network, "secret-store-unreachable": network,
	"coordinates-wrong": "it takes an organization", "isolation-broken": "no single mistake breaks isolation", "canary-failed": chance, "canary-left-behind": notEmbedded,
	"base-role-recreated": "it takes an organization",
}
