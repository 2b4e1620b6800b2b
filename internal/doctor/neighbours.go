package doctor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// Installations share the names of an account. A wildcard on one prefix matches what begins
// with a longer one too, so that none may begin with another (tenancy.Overlaps).

// foreignUUID ends the name of something that belongs to an organization, of whichever
// installation: dashed or undashed.
var foreignUUID = regexp.MustCompile(`^(.*?)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})$`)

// nestedPrefix returns the prefix of another installation that a name shows, if one of the
// two begins with the other.
func nestedPrefix(name, ours string) (theirs string, nested bool) {
	m := foreignUUID.FindStringSubmatch(name)
	if m == nil || m[1] == ours || m[1] == "" {
		return "", false
	}
	return m[1], strings.HasPrefix(m[1], ours) || strings.HasPrefix(ours, m[1])
}

// accessPoints looks at whose access points there are.
func accessPoints(o Observation) ([]Finding, error) {
	if o.AccessPoints.Err != nil {
		return nil, o.AccessPoints.Err
	}
	in := o.Installation
	var elsewhere, foreign, admitted []string
	overlaps := map[string]string{}
	for _, ap := range o.AccessPoints.Value {
		_, ours := in.TenantOfAP(ap.Name)
		theirs, nested := nestedPrefix(ap.Name, in.APPrefix)
		switch {
		case ours && ap.Bucket != in.BucketName:
			elsewhere = append(elsewhere, ap.Name)
		case ours:
		case ap.Bucket == in.BucketName && strings.HasPrefix(ap.Name, in.APPrefix):
			admitted = append(admitted, ap.Name)
		case nested:
			overlaps[theirs] = ap.Name
		case ap.Bucket == in.BucketName:
			foreign = append(foreign, ap.Name)
		}
	}
	var found []Finding
	if len(admitted) > 0 {
		found = append(found, Finding{
			Code: "access-point-admitted", Status: Failed,
			What:        "the bucket has access points under the installation's prefix that are no organization's: " + firstOf(admitted),
			Evidence:    "s3:ListAccessPoints of bucket " + in.BucketName,
			Consequence: "the bucket policy lets requests through them in; only their own policies say whose",
			Fix:         deleteAccessPoints(in, admitted),
		})
	}
	if len(elsewhere) > 0 {
		found = append(found, Finding{
			Code: "access-point-elsewhere", Status: Failed,
			What:        "access points with the names of organizations are on another bucket: " + firstOf(elsewhere),
			Evidence:    "s3:ListAccessPoints of the account",
			Consequence: "these organizations cannot get theirs: names are unique in an account and Region",
			Fix:         deleteAccessPoints(in, elsewhere),
		})
	}
	for _, theirs := range slices.Sorted(maps.Keys(overlaps)) {
		found = append(found, overlap("access-point-prefix-overlap", "apPrefix", in.APPrefix, theirs, "access point "+overlaps[theirs]))
	}
	if len(foreign) > 0 {
		found = append(found, Finding{
			Code: "access-point-foreign", Status: Warning,
			What:        "the bucket has access points that are not the installation's: " + firstOf(foreign),
			Evidence:    "s3:ListAccessPoints of bucket " + in.BucketName,
			Consequence: "nothing comes through them as long as the bucket policy stands; somebody expects otherwise",
			Fix:         deleteAccessPoints(in, foreign),
		})
	}
	return found, nil
}

// sessionPolicies looks at whose policies have names that the backend may change.
func sessionPolicies(o Observation) ([]Finding, error) {
	if o.Policies.Err != nil {
		return nil, o.Policies.Err
	}
	in := o.Installation
	prefix := strings.ToLower(in.SessionPolicyPrefix) // IAM's names are unique without regard to case (facts AWS §5)
	var foreign []string
	overlaps := map[string]string{}
	for _, p := range o.Policies.Value {
		name := strings.ToLower(p.Name)
		_, ours := in.TenantOfSessionPolicy(p.Name)
		theirs, nested := nestedPrefix(name, prefix)
		switch {
		case ours || p.Name == in.SharedPolicyName():
		case nested:
			overlaps[theirs] = p.Name
		case strings.HasPrefix(p.Name, in.SessionPolicyPrefix):
			foreign = append(foreign, p.ARN)
		}
	}
	var found []Finding
	for _, theirs := range slices.Sorted(maps.Keys(overlaps)) {
		found = append(found, overlap("session-policy-prefix-overlap", "sessionPolicyPrefix", in.SessionPolicyPrefix, theirs, "policy "+overlaps[theirs]))
	}
	if len(foreign) > 0 {
		f := Finding{
			Code: "session-policy-foreign", Status: Warning,
			What:        "policies under the prefix of session policies are no organization's: " + firstOf(foreign),
			Evidence:    "iam:ListPolicies",
			Consequence: "the backend may change and delete them",
			Fix:         Fix{Text: "give them other names; if nobody needs them, delete them"},
		}
		for _, arn := range foreign[:min(len(foreign), maxNamed)] {
			f.Fix.Commands = append(f.Fix.Commands, "aws iam delete-policy --policy-arn "+word(arn))
		}
		found = append(found, f)
	}
	return found, nil
}

func overlap(code, key, ours, theirs, what string) Finding {
	return Finding{
		Code: code, Status: Failed,
		What:        fmt.Sprintf("another installation in the account has the prefix %s, and this one %s: one begins with the other", theirs, ours),
		Evidence:    what,
		Consequence: "what one of the two may do under its prefix, it may do under the other's",
		Fix:         Fix{Text: "choose a " + key + " for the newer of the two that none begins with, before it has organizations; or move it to an account of its own"},
	}
}

func deleteAccessPoints(in tenancy.Installation, names []string) Fix {
	f := Fix{Text: "find out who needs them, and delete them; objects stay"}
	for _, name := range names[:min(len(names), maxNamed)] {
		f.Commands = append(f.Commands, fmt.Sprintf("aws s3control delete-access-point --account-id %s --name %s", in.AccountID, word(name)))
	}
	return f
}

// maxNamed is how many of many things a finding names.
const maxNamed = 10

func firstOf(names []string) string {
	slices.Sort(names)
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}
