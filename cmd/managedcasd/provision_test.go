package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// Flags that do not go together are refused before anything is read.
func TestProvisionFlags(t *testing.T) {
	t.Parallel()
	const provider = "--oidc-provider-arn=arn:aws:iam::111122223333:oidc-provider/x"
	for _, row := range []struct {
		flags []string
		says  string
	}{
		{nil, "--config is missing"},
		{[]string{"--config=x", "--output=yaml"}, "unknown output format"},
		{[]string{"--config=x", "--yes"}, "--delete-key and --yes are for --destroy"},
		{[]string{"--config=x", "--delete-key=7"}, "--delete-key and --yes are for --destroy"},
		{[]string{"--config=x", "--destroy", "--delete-key=6"}, "KMS keeps a key for 7 to 30 days"},
		{[]string{"--config=x", "--destroy", "--delete-key=31"}, "KMS keeps a key for 7 to 30 days"},
		{[]string{"--config=x", "--destroy", "--replace-policy"}, "not for --destroy"},
		{[]string{"--config=x", "--destroy", "--workload-identity=irsa", provider}, "not for --destroy"},
		{[]string{"--config=x", "--workload-identity=pod-identity"}, "want podIdentity or irsa"},
		{[]string{"--config=x", "--workload-identity=irsa"}, "needs the ARN of the cluster's OIDC provider"},
		{[]string{"--config=x", provider}, "for the workload identity irsa alone"},
		{[]string{"--config=x", "--namespace=Mine"}, `namespace "Mine"`},
		{[]string{"--config=x", "--service-accounts=cas=c*"}, `service account "c*" of cas`},
		{[]string{"--config=x", "--service-accounts=cas=managedcas-backend"}, "another one for each workload"},
		{[]string{"--config=x", "--service-accounts=web=w"}, `a service account for "web"`},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"provision"}, row.flags...), nil, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), row.says) {
			t.Errorf("%v: exit %d, want 2 and %q: %s", row.flags, code, row.says, &stderr)
		}
	}
	// The bounds themselves, and a whole identity, go on to the configuration.
	for _, flags := range [][]string{
		{"--destroy", "--delete-key=7"}, {"--destroy", "--delete-key=30", "--yes"}, {"--plan", "-o", "json"},
		{"--workload-identity=irsa", provider, "--service-accounts=cas=c,backend=b"},
	} {
		var stderr bytes.Buffer
		missing := filepath.Join(t.TempDir(), "managedcas.yaml")
		if code := run(t.Context(), append([]string{"provision", "--config", missing}, flags...), nil, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), missing) {
			t.Errorf("%v: exit %d: %s", flags, code, &stderr)
		}
	}
}

// Whoever sits at a terminal types the bucket's name, and nothing else will do.
func TestDestructionIsConfirmedByName(t *testing.T) {
	t.Parallel()
	for typed, confirmed := range map[string]bool{
		"artifacts\n": true, "  artifacts \n": true, "artifacts": true, // the end of the input ends the line
		"yes\n": false, "\n": false, "": false, "artifacts2\n": false, "Artifacts\n": false,
		strings.Repeat("artifacts", 1000): false,
	} {
		var prompt bytes.Buffer
		err := confirmName(strings.NewReader(typed), &prompt, "artifacts")
		if (err == nil) != confirmed || !strings.Contains(prompt.String(), "Type the name of the bucket, artifacts,") {
			t.Errorf("%.20q: %v, prompt %q", typed, err, &prompt)
		}
		if err != nil && !strings.Contains(err.Error(), "nothing is deleted") {
			t.Errorf("%.20q: %v", typed, err)
		}
	}
}
