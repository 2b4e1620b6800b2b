package tenancy

import (
	"strings"

	"github.com/managedcas/managedcas/internal/org"
)

// TenantOfAP returns the tenant whose access point has this name. A name is one only as a
// whole: the prefix, a UUID in this installation's form, and nothing else. Another
// installation's prefix may begin with this one's.
func (in Installation) TenantOfAP(name string) (Tenant, bool) {
	text, ok := strings.CutPrefix(name, in.APPrefix)
	if ok && !in.dashedNames() && len(text) == undashedLength {
		text = text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
	}
	return in.tenantNamed(text, ok, func(t Tenant) bool { return t.APName() == name })
}

// TenantOfSessionPolicy returns the tenant whose session policy has this name.
func (in Installation) TenantOfSessionPolicy(name string) (Tenant, bool) {
	text, ok := strings.CutPrefix(name, in.SessionPolicyPrefix)
	return in.tenantNamed(text, ok, func(t Tenant) bool { return t.SessionPolicyName() == name })
}

func (in Installation) tenantNamed(id string, ok bool, exactly func(Tenant) bool) (Tenant, bool) {
	if !ok {
		return Tenant{}, false
	}
	parsed, err := org.ParseID(id)
	if err != nil {
		return Tenant{}, false
	}
	t := in.Tenant(parsed)
	return t, exactly(t)
}
