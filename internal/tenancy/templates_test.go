package tenancy_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// everyOption is an installation that has all that an installation may have.
func everyOption(apPrefix string, mode tenancy.SessionPolicyMode) tenancy.Installation {
	in := placeholders(apPrefix)
	in.SessionPolicyMode = mode
	in.PurgeRoleName = "[purgeRoleName]"
	in.Secrets = tenancy.SecretsManager{Prefix: "[secretsPrefix]", KMSKeyARN: "[secretsKmsKeyArn]"}
	in.OwnBucketRoles = []string{"[customerRoleArn]", "arn:aws:iam::*:role/[customerRolePattern]"}
	return in
}

// The files in deploy/policies/templates are what this package renders for it. Who fills
// them in leaves away what names something that he does not have, which is all that
// options do: deploy/tofu does so, and its tests compare.
func TestGeneratedTemplates(t *testing.T) {
	t.Parallel()
	documents := everyOption("[apPrefix]", tenancy.Managed).Documents()
	for suffix, in := range map[string]tenancy.Installation{
		"undashed": everyOption("[long--apPrefix]", tenancy.Managed),
		"inline":   everyOption("[apPrefix]", tenancy.Inline),
		"abac":     everyOption("[apPrefix]", tenancy.ABAC),
	} {
		for i, d := range in.Documents() {
			if iam.Equal(documents[i].Document, d.Document) || suffix == "undashed" && d.Name != "base-role-permissions" {
				continue // the longer placeholder itself is no difference
			}
			d.Name += "-" + suffix
			documents = append(documents, d)
		}
	}
	documents = append(documents, tenancy.NamedDocument{Name: "workload-trust-irsa", Kind: iam.KindTrust, Document: templateOfIRSA(t)})

	dir := filepath.Join("..", "..", "deploy", "policies", "templates")
	for _, d := range documents {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(dir, d.Name+".json"), bytes.ReplaceAll(text, []byte("[long--apPrefix]"), []byte("[apPrefix]")))
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(files) != len(documents) {
		t.Errorf("%d files in %s, %d documents: remove what is left over (%v)", len(files), dir, len(documents), err)
	}
}

// templateOfIRSA is the document that Documents leaves out.
func templateOfIRSA(t *testing.T) *iam.Document {
	t.Helper()
	trust, err := everyOption("[apPrefix]", tenancy.Managed).WorkloadTrustIRSA(
		"arn:aws:iam::[accountId]:oidc-provider/[oidcIssuer]",
		tenancy.ServiceAccount{Namespace: "[namespace]", Name: "[serviceAccount]"})
	if err != nil {
		t.Fatal(err)
	}
	return trust
}
