package doctor

import (
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// surplusRequests are what a policy grants by its own words, action by action on resource by
// resource, and the permissions of this project do not. They know of no service and no
// resource in particular: what no other check asks for is found here.
func surplusRequests(in tenancy.Installation, self tenancy.Tenant, d *iam.Document, own subject) []request {
	var all []request
	for _, st := range d.Statements {
		if st.Effect != iam.Allow {
			continue
		}
		actions, resources := examples(st.Actions), examples(filledIn(st.Resources, self))
		if len(st.NotActions) > 0 {
			actions = append(actions, "probe:Probe")
		}
		if len(st.NotResources) > 0 {
			resources = append(resources, "arn:"+in.Partition+":probe:::Probe")
		}
		for _, action := range actions {
			for _, resource := range resources {
				all = append(all, surplusWays(in, self, action, resource)...)
			}
		}
	}
	return slices.DeleteFunc(all, func(r request) bool { return own.decide(in, r).Allowed() })
}

// surplusWays are a request without any condition key of its own, and as a session makes it.
func surplusWays(in tenancy.Installation, self tenancy.Tenant, action, resource string) []request {
	through := objectKeys(in, self.APARN(), "s3:PutObject")
	maps.Copy(through, keyKeys(in, in.BucketARN()))
	through.Set("s3:prefix", artifact(self))
	return []request{{action: action, resource: resource}, {action: action, resource: resource, keys: through}}
}

// filledIn are resources with the organization in place of a tag of the session.
func filledIn(resources []string, self tenancy.Tenant) []string {
	var all []string
	tags := strings.NewReplacer("${aws:PrincipalTag/"+tenancy.SessionTag+"}", self.ID().String(), "${aws:PrincipalTag/"+tenancy.PurgeTag+"}", self.ID().String())
	for _, resource := range resources {
		all = append(all, tags.Replace(resource))
	}
	return all
}
