package diagnosis

import (
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/doctor"
	"github.com/managedcas/managedcas/internal/tenancy"
	"github.com/managedcas/managedcas/test/sources"
)

// TestHealthy: an installation as it is provisioned is all right, whoever looks, with
// whatever EKS gives pods, and is the same afterwards.
func TestHealthy(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	for name, more := range map[string][]string{
		"purging": {purges},
		"inline":  {purges, "sessionPolicyMode: inline"},
		"abac":    {purges, "sessionPolicyMode: abac"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, more...)
			environments := map[string][]string{"administrator": s.administrator()}
			for _, workload := range []string{"backend", "controlplane", "cas"} {
				environments[workload+" by Pod Identity"] = s.pod(t, workload, name == "inline")
			}
			// What the first start of the roles makes.
			s.must(t, s.administrator(), "managedcasd", "token", "--config", s.config, "--name", "first")
			if name == "abac" {
				s.file(t, "shared.json", document(t, s.in.SharedPolicy()))
				s.sh(t, "aws iam create-policy --policy-name "+s.in.SharedPolicyName()+" --policy-document file://shared.json")
			}
			before := s.inventory(t)
			for range 2 {
				for who, environment := range environments {
					s.healthy(t, who, environment)
				}
			}
			s.trustIRSA(t)
			for _, workload := range []string{"backend", "controlplane", "cas"} {
				s.healthy(t, workload+" by IRSA", s.irsa(t, workload))
			}
			s.sh(t, `for role in $BACKEND $CONTROLPLANE $CAS; do aws iam update-assume-role-policy --role-name $role --policy-document file://$role.json; done`)
			if after := s.inventory(t); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		})
	}
}

// healthy wants no finding, and of workloads that every step of the canary was taken.
func (s *site) healthy(t *testing.T, who string, environment []string) {
	t.Helper()
	report, code := s.doctor(t, environment)
	if code != 0 || len(report.Findings()) > 0 {
		t.Errorf("%s: exit code %d\n%s", who, code, described(report))
	}
	workload, _, _ := strings.Cut(who, " ")
	steps := map[string]int{"administrator": 0, "backend": 9, "controlplane": 3, "cas": 3}[workload]
	for _, r := range report.Results {
		if strings.HasPrefix(r.Check, "canary") && r.Status == doctor.OK {
			steps--
		}
		if workload == "administrator" && r.Status == doctor.Unseen && r.Check != "canary" && r.Check != "stores/secrets" {
			t.Errorf("an administrator does not see %s: %s", r.Check, r.Detail)
		}
	}
	if steps != 0 {
		t.Errorf("%s: %d steps of the canary were not taken\n%s", who, steps, described(report))
	}
}

// inventory is all that a canary could have changed.
func (s *site) inventory(t *testing.T) string {
	t.Helper()
	return s.must(t, s.administrator(), "sh", "-euc", `
aws s3control list-access-points --account-id $ACCOUNT --output json
aws iam list-policies --scope Local --output json
aws s3api list-object-versions --bucket $BUCKET --output json
aws s3api list-multipart-uploads --bucket $BUCKET --output json
managedcasd provision --config managedcas.yaml --plan`)
}

const namespace = "managedcas"

// trustIRSA has the workload roles trust their service accounts; what they trusted before
// is kept in files.
func (s *site) trustIRSA(t *testing.T) {
	t.Helper()
	issuer, _ := s.token(t, "backend")
	s.sh(t, "aws iam create-open-id-connect-provider --url "+issuer+" --client-id-list sts.amazonaws.com",
		`for role in $BACKEND $CONTROLPLANE $CAS; do aws iam get-role --role-name $role --query Role.AssumeRolePolicyDocument --output json >$role.json; done`)
	provider := "arn:aws:iam::" + accountID + ":oidc-provider/" + strings.TrimPrefix(issuer, "https://")
	for _, workload := range []string{"backend", "controlplane", "cas"} {
		trust, err := s.in.WorkloadTrustIRSA(provider, tenancy.ServiceAccount{Namespace: namespace, Name: workload})
		must(t, err)
		_, role, _ := strings.Cut(s.roleOf(workload), "role/")
		s.file(t, "irsa.json", document(t, trust))
		s.sh(t, "aws iam update-assume-role-policy --role-name "+role+" --policy-document file://irsa.json")
	}
}

func (s *site) irsa(t *testing.T, workload string) []string {
	t.Helper()
	_, token := s.token(t, workload)
	return []string{
		"AWS_ROLE_ARN=" + s.roleOf(workload), "AWS_WEB_IDENTITY_TOKEN_FILE=" + s.file(t, workload+".token", token),
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + s.dir,
	}
}

// token is that of a pod's service account.
func (s *site) token(t *testing.T, workload string) (issuer, token string) {
	t.Helper()
	var said struct{ Issuer, Token string }
	s.administer(t, http.MethodPost, "/_aws/oidc/prod/tokens", map[string]any{"namespace": namespace, "serviceAccount": workload}, &said)
	return said.Issuer, said.Token
}
