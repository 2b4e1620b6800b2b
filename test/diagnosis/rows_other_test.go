package diagnosis

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to change what a database has of its own schema
)

// callerRows are about the identity that a process has. They are undone by starting it with
// the right one.
func callerRows() []row {
	none := []string{"true"}
	with := func(as string, more ...string) func(*testing.T, *site) []string {
		return func(t *testing.T, s *site) []string { return append(s.as(t, as), more...) }
	}
	return []row{
		{code: "caller-no-credentials", as: "backend", undone: none, args: []string{"--as", "backend"}, environment: func(_ *testing.T, s *site) []string {
			return []string{"HOME=" + s.dir, "AWS_EC2_METADATA_DISABLED=true"}
		}},
		{code: "caller-refused", as: "administrator", undone: none, environment: with("administrator", "AWS_SECRET_ACCESS_KEY=anything")},
		{code: "caller-static-key", as: "cas", undone: none, also: []string{"caller-other-role"}, args: []string{"--as", "cas", "--no-canary"}, environment: func(t *testing.T, s *site) []string {
			out := s.must(t, s.administrator(), "sh", "-euc", "aws iam create-user --user-name cas >/dev/null; aws iam create-access-key --user-name cas --query '[AccessKey.AccessKeyId,AccessKey.SecretAccessKey]' --output text")
			key := strings.Fields(out)
			return []string{"HOME=" + s.dir, "AWS_ACCESS_KEY_ID=" + key[0], "AWS_SECRET_ACCESS_KEY=" + key[1]}
		}},
		{code: "caller-swapped-role", as: "cas", undone: none, args: []string{"--as", "cas", "--no-canary"}, environment: with("backend")},
		{code: "caller-other-role", as: "backend", undone: none, args: []string{"--as", "backend", "--no-canary"},
			environment: func(t *testing.T, s *site) []string {
				s.file(t, "trust.json", document(t, s.in.WorkloadTrustPodIdentity()))
				s.sh(t, "aws iam create-role --role-name managedcas-other --assume-role-policy-document file://trust.json")
				return s.as(t, "other")
			}},
		{code: "caller-region", as: "backend", undone: none, environment: with("backend", "AWS_REGION=eu-west-1")},
	}
}

// configurationRows are undone by the configuration as it was.
func configurationRows() []row {
	good := []string{"cp good.yaml managedcas.yaml"}
	var all []row
	for _, change := range [][2]string{
		{"config-unknown-key", "s/bucketName:/bucket:/"},
		{"config-access-point-prefix", "s/chainloop-/a-prefix-of-nineteen-/"},
		{"config-kms-key", "s,kmsKeyArn: .*,kmsKeyArn: alias/cas,"},
		{"config-bucket-name", "s/example-artifacts/Example_Artifacts/"},
		{"config-account", "s/accountId: .*/accountId: \"12345\"/"},
		{"config-region", "s/region: .*/region: Ireland/"},
		{"config-session-policy-prefix", "s/sessionPolicyPrefix: .*/sessionPolicyPrefix: \"\"/"},
		{"config-session-policy-mode", "s/sessionPolicyPrefix: cas-/&, sessionPolicyMode: text/;s/, sessionPolicyMode/\\n    sessionPolicyMode/"},
		{"config-operators", "s/operatorArns: .*/operatorArns: [\"arn:aws:iam::*:root\"]/"},
		{"config-roles", "s/baseRoleName: .*/baseRoleName: managedcas-backend/"},
		{"config-disabled", "s/enabled: true/enabled: false/"},
		{"endpoint-refused", "s,endpoint: .*,endpoint: http://127.0.0.1:1,"},
		{"database-directory", "s,sqlite:.*\",sqlite:/none/such/managedcas.db\","},
		{"database-url", "s,sqlite:.*\",mysql://127.0.0.1/cas\","},
		{"database-refused", "s,sqlite:.*\",postgres://cas@127.0.0.1:1/cas?sslmode=disable\","},
	} {
		all = append(all, row{code: change[0], as: "administrator", mistake: []string{"sed -i '" + change[1] + "' managedcas.yaml"}, undone: good})
	}
	return append(all,
		row{code: "config-missing", as: "backend", mistake: []string{"rm managedcas.yaml"}, undone: good},
		row{code: "secret-store-denied", as: "backend", mistake: []string{"echo 'secretStore: {driver: awsSecretsManager}' >>managedcas.yaml"},
			undone: []string{"managedcasd provision --config managedcas.yaml"}},
		row{code: "secret-store-refused", as: "cas", undone: good,
			mistake: []string{"echo token >token", `echo "secretStore: {driver: vault, vault: {address: 'http://127.0.0.1:1', auth: tokenFile, tokenFile: $PWD/token}}" >>managedcas.yaml`}},
	)
}

// storeRows are about the database, which a first start of a role has made.
func storeRows() []row {
	started := func(t *testing.T, s *site) {
		s.must(t, s.administrator(), "managedcasd", "token", "--config", s.config, "--name", "first")
	}
	statement := func(text string) func(*testing.T, *site) {
		return func(t *testing.T, s *site) {
			started(t, s)
			s.sql(t, text)
		}
	}
	const fresh = "rm -f managedcas.db managedcas.db-wal managedcas.db-shm"
	return []row{
		{code: "database-schema-newer", as: "backend", do: statement("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)"), undone: []string{fresh}},
		{code: "database-schema-older", as: "cas", do: statement("DELETE FROM goose_db_version WHERE version_id > 1"), undone: []string{fresh}},
		{code: "signing-keys-unreadable", as: "controlplane", do: statement("UPDATE signing_keys SET pkcs8 = 'no base64!'"), undone: []string{fresh}},
		{code: "database-file-open", as: "backend", do: started, mistake: []string{"chmod 644 managedcas.db"}, undone: []string{"chmod 600 managedcas.db"}},
		{code: "database-damaged", as: "controlplane", mistake: []string{"echo this is no database, whatever its name says it is >managedcas.db", "chmod 600 managedcas.db"}, undone: []string{fresh}},
	}
}

func (s *site) sql(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "managedcas.db"))
	must(t, err)
	_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement)
	must(t, err)
	must(t, db.Close())
}

// TestPackedSize: session tags that are too large beside the session policy are known, and
// gone when EKS is told to leave them out.
func TestPackedSize(t *testing.T) {
	t.Parallel()
	for code, r := range map[string]struct {
		mode    string
		account string // of the service
	}{
		"session-packed-size":      {"inline", "backend"},
		"session-packed-size-near": {"managed", "backend-of-managedcas-in-production"},
	} {
		s := newSite(t, "sessionPolicyMode: "+r.mode)
		s.serviceAccounts = map[string]string{"backend": r.account}
		report, _ := s.doctor(t, s.pod(t, "backend", false))
		if found := codes(report.Findings()); found != fmt.Sprintf("[%s]", code) {
			t.Errorf("found %s, want %s\n%s", found, code, described(report))
		}
		if report, _ = s.doctor(t, s.pod(t, "backend", true)); len(report.Findings()) > 0 {
			t.Errorf("without session tags\n%s", described(report))
		}
	}
}
