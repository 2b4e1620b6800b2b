package tenancy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

var update = flag.Bool("update", false, "rewrite golden and generated files")

// compare checks text against a file, or writes it there under -update.
func compare(t *testing.T, file string, text []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s differs; run `make generate` if that is intended (-want +got):\n%s", file, diff)
	}
}

// irsa is the document that Documents leaves out.
func irsa(t *testing.T, in tenancy.Installation) tenancy.NamedDocument {
	t.Helper()
	doc, err := in.WorkloadTrustIRSA(
		"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
		tenancy.ServiceAccount{Namespace: "cas", Name: "controlplane"},
		tenancy.ServiceAccount{Namespace: "cas", Name: "cas"},
	)
	if err != nil {
		t.Fatal(err)
	}
	return tenancy.NamedDocument{Name: "workload-trust-irsa", Kind: iam.KindTrust, Document: doc}
}

func everyDocument(t *testing.T, in tenancy.Installation) []tenancy.NamedDocument {
	t.Helper()
	documents := append(in.Documents(), irsa(t, in))
	return append(documents, in.TenantDocuments(mustID(t, acme), baseRoleID)...)
}

func installations(t *testing.T) map[string]tenancy.Installation {
	t.Helper()
	return map[string]tenancy.Installation{
		"dashed":   mustNew(t, example()),
		"undashed": mustNew(t, longPrefix()),
		"loopback": mustNew(t, loopback()),
	}
}

func TestDocumentsGolden(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, d := range everyDocument(t, in) {
			text, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("testdata", "golden", name, d.Name+".json"), text)
		}
	}
}

// What is written is what AWS would store: it parses strictly as its kind, and means
// the same afterwards.
func TestDocumentsParseAsTheirKind(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, d := range everyDocument(t, in) {
			text, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := iam.Parse(d.Kind, text)
			if err != nil {
				t.Errorf("%s %s: %v", name, d.Name, err)
				continue
			}
			if !iam.Equal(parsed, d.Document) {
				t.Errorf("%s %s changed its meaning when written and read", name, d.Name)
			}
		}
	}
}

func TestDocumentsFitAWSLimits(t *testing.T) {
	t.Parallel()
	limits := map[string]struct {
		characters int
		measure    func([]byte) int
		source     string
	}{
		"session-policy":      {6144, iam.NonWhitespaceLength, "IAM managed policy, without whitespace; facts AWS §5"},
		"access-point-policy": {20 << 10, rawLength, "S3 access point policy; facts AWS §1.3"},
		"bucket-policy":       {20 << 10, rawLength, "S3 bucket policy; facts AWS §1.3"},
		"key-policy":          {32 << 10, rawLength, "KMS key policy; facts AWS §6.2"},
		"vpc-endpoint-policy": {20 << 10, iam.NonWhitespaceLength, "VPC endpoint policy; https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"},
	}
	trust := 2048       // role trust policy, default quota; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	permissions := 6144 // the smallest of inline (10,240) and managed (6,144)
	for name, in := range installations(t) {
		for _, d := range everyDocument(t, in) {
			text, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			limit, measure := permissions, iam.NonWhitespaceLength
			if l, ok := limits[d.Name]; ok {
				limit, measure = l.characters, l.measure
			} else if d.Kind == iam.KindTrust {
				limit = trust
			}
			if got := measure(text); got > limit {
				t.Errorf("%s %s: %d characters, AWS allows %d", name, d.Name, got, limit)
			}
		}
	}
}

func rawLength(text []byte) int { return len(text) }

// A public policy is refused by block public access (facts AWS §2.5).
func TestResourcePoliciesAreNotPublic(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, d := range everyDocument(t, in) {
			if d.Kind != iam.KindBucket && d.Kind != iam.KindAP {
				continue
			}
			if public, because := iam.Public(d.Kind, d.Document); public {
				t.Errorf("%s %s is public: %v", name, d.Name, because)
			}
		}
	}
}

// "s3:*" in a Deny locks out whoever has to repair the policy (facts AWS §12.5); only
// the denial of cleartext may say it.
func TestDenialsNeverLockOut(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, d := range everyDocument(t, in) {
			if d.Kind == iam.KindIdentity {
				continue
			}
			for _, s := range d.Document.Statements {
				if s.Effect != iam.Deny || s.Sid == "DenyPlainHTTP" {
					continue
				}
				for _, action := range s.Actions {
					if strings.HasSuffix(action, ":*") || action == "*" {
						t.Errorf("%s %s: %s denies %s", name, d.Name, s.Sid, action)
					}
				}
			}
		}
	}
}

// Documents handed out are the caller's: changing one changes no other.
func TestDocumentsAreNotShared(t *testing.T) {
	t.Parallel()
	in := mustNew(t, example())
	before := in.BucketPolicy().Canonical()
	spoiled := in.BucketPolicy()
	for i := range spoiled.Statements {
		for j := range spoiled.Statements[i].Actions {
			spoiled.Statements[i].Actions[j] = "s3:Spoiled"
		}
	}
	if !bytes.Equal(before, in.BucketPolicy().Canonical()) {
		t.Error("a change of one bucket policy appeared in the next")
	}
}

func TestWorkloadTrustIRSARefuses(t *testing.T) {
	t.Parallel()
	in := mustNew(t, example())
	const provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example/id/1"
	for _, test := range []struct {
		name, provider string
		accounts       []tenancy.ServiceAccount
	}{
		{"no account", provider, nil},
		{"any account", provider, []tenancy.ServiceAccount{{Namespace: "cas", Name: "*"}}},
		{"any namespace", provider, []tenancy.ServiceAccount{{Namespace: "?", Name: "cas"}}},
		{"namespace hidden in the name", provider, []tenancy.ServiceAccount{{Namespace: "cas", Name: "a:b"}}},
		{"policy variable", provider, []tenancy.ServiceAccount{{Namespace: "cas", Name: "${aws:userid}"}}},
		{"no name", provider, []tenancy.ServiceAccount{{Namespace: "cas"}}},
		{"provider of another account", strings.Replace(provider, "1111", "9999", 1), []tenancy.ServiceAccount{{Namespace: "cas", Name: "cas"}}},
		{"provider is a URL", "https://issuer.example/id/1", []tenancy.ServiceAccount{{Namespace: "cas", Name: "cas"}}},
	} {
		if _, err := in.WorkloadTrustIRSA(test.provider, test.accounts...); err == nil {
			t.Errorf("%s: accepted", test.name)
		}
	}
}
