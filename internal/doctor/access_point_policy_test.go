package doctor

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// Whoever may write policies of access points can open an organization's.
func TestPoliciesOfAccessPoints(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	tenant := fresh(in)
	all := tenant.APARN() + "/object/*"
	for name, row := range map[string]struct {
		change func(own *iam.Document) *iam.Document
		want   string
	}{
		"as it is made": {func(own *iam.Document) *iam.Document { return own }, ""},
		"no denials": {func(own *iam.Document) *iam.Document {
			return edit(own, func(st *iam.Statement) bool { return st.Effect == iam.Allow })
		}, "access-point-policy"},
		"somebody's own": {func(*iam.Document) *iam.Document {
			return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{statementOf(t, iam.KindAP, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999900001111:role/x"},"Action":"s3:GetObject","Resource":"`+all+`","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`)}}
		}, "access-point-policy"},
		"an exception": {func(own *iam.Document) *iam.Document {
			return edit(own, func(st *iam.Statement) bool {
				if st.Effect == iam.Deny {
					st.Conditions = append(st.Conditions, when("StringNotEquals", "aws:UserAgent", "x"))
				}
				return true
			})
		}, "access-point-policy"},
		"nobody at all": {func(own *iam.Document) *iam.Document {
			return edit(own, func(st *iam.Statement) bool { return st.Effect == iam.Deny })
		}, ""},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.AccessPointPolicies = []policySeen{{tenant.APName(), Seen[[]byte]{Value: jsonOf(row.change(tenant.APPolicy(o.BaseRole.Role.Value.ID)))}}}
		if found := strings.Join(sound(t, o, []check{{look: accessPointPolicies}}), " "); found != row.want {
			t.Errorf("%s: %q, want %q", name, found, row.want)
		}
	}
}
