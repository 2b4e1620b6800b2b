package doctor

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func TestPurgeRole(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t, func(in *tenancy.Installation) { in.PurgeRoleName = "purge" })
	trusts := func(statement string) func(*roleSeen) {
		st := statementOf(t, iam.KindTrust, statement)
		return func(r *roleSeen) { r.Role.Value.Trust = jsonOf(also(in.PurgeRoleTrust(), st)) }
	}
	may := func(statement string) func(*roleSeen) {
		st := statementOf(t, iam.KindIdentity, statement)
		return func(r *roleSeen) {
			r.Inline = inlined(iam.Policy{Name: inlinePolicy, Document: also(in.PurgeRolePermissions(), st)})
		}
	}
	for name, row := range map[string]struct {
		change func(*roleSeen)
		want   string
	}{
		"as it is made":       {func(*roleSeen) {}, ""},
		"missing":             {func(r *roleSeen) { *r = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}} }, "purge-role-missing"},
		"the account":         {trusts(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession"]}`), "purge-role-trust"},
		"cas":                 {trusts(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/cas"},"Action":["sts:AssumeRole","sts:TagSession"]}`), "purge-role-trust"},
		"sessions":            {trusts(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/tenant"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}}`), "purge-role-trust"},
		"a service":           {trusts(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]}`), "purge-role-trust"},
		"everybody of a name": {trusts(`{"Effect":"Allow","Principal":"*","Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/backend"}}}`), "purge-role-trust"},
		"reading":             {may(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::artifacts/*"}`), "purge-role-too-wide"},
		"deletion of all":     {may(`{"Effect":"Allow","Action":"s3:DeleteObjectVersion","Resource":"arn:aws:s3:::artifacts/*"}`), "purge-role-too-wide"},
		"names of all":        {may(`{"Effect":"Allow","Action":"s3:ListBucketVersions","Resource":"arn:aws:s3:::artifacts","Condition":{"StringLike":{"aws:UserAgent":"*"}}}`), "purge-role-too-wide"},
		"a policy of somebody": {func(r *roleSeen) {
			r.Attached.Value = []policySeen{{"arn:aws:iam::aws:policy/X", Seen[[]byte]{Value: jsonOf(allows([]string{"*"}, []string{"*"}))}}}
		}, "purge-role-too-wide"},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.PurgeRole = roleSeen{
			Role:   Seen[cloud.Role]{Value: cloud.Role{Name: "purge", ARN: in.PurgeRoleARN(), ID: "AROAPURGEROLE0000001", Trust: jsonOf(in.PurgeRoleTrust())}},
			Inline: inlined(iam.Policy{Name: inlinePolicy, Document: in.PurgeRolePermissions()}),
		}
		row.change(&o.PurgeRole)
		if found := strings.Join(sound(t, o, purgeRoleChecks()), " "); found != row.want {
			t.Errorf("%s: %q, want %q", name, found, row.want)
		}
	}
	// The backend may not read it, and an installation without one has nothing to say.
	o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
	o.PurgeRole.Role.Err = cloud.ErrDenied
	if found, unseen := codesOf(o, purgeRoleChecks()); len(found) > 0 || len(unseen) != 2 {
		t.Errorf("denied: %v, unseen %v", found, unseen)
	}
	if found, unseen := codesOf(Observation{Installation: guideInstallation(t)}, purgeRoleChecks()); len(found)+len(unseen) > 0 {
		t.Errorf("no purge role: %v, unseen %v", found, unseen)
	}
}
