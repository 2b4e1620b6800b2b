package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
)

func callerChecks() []check {
	return []check{
		{"caller/credentials", "AWS accepts the credentials of this process, which in a pod expire", callerCredentials},
		{"caller/account", "it is in the account of the installation", callerAccount},
		{"caller/role", "it is who it ought to be", callerRole},
		{"caller/region", "the environment names the Region of the installation, or none", callerRegion},
	}
}

// callerCredentials looks at the credentials themselves.
func callerCredentials(o Observation) ([]Finding, error) {
	switch {
	case errors.Is(o.Credentials.Err, cloud.ErrNoCredentials):
		return []Finding{{
			Code: "caller-no-credentials", Status: Failed,
			What:        "this process has no AWS credentials",
			Evidence:    fmt.Sprint(o.Credentials.Err),
			Consequence: "it can do nothing in AWS, and nothing else was looked at",
			Fix:         Fix{Text: "in a pod: give its service account a Pod Identity association (aws eks create-pod-identity-association), or the annotation eks.amazonaws.com/role-arn, and make the pod anew. Elsewhere: sign in, and set AWS_PROFILE"},
		}}, nil
	case o.Credentials.Err != nil:
		return nil, o.Credentials.Err
	case errors.Is(o.Identity.Err, cloud.ErrExpired) || errors.Is(o.Identity.Err, cloud.ErrDenied):
		return []Finding{{
			Code: "caller-refused", Status: Failed,
			What:        "AWS does not accept the credentials of this process, which come from " + o.Credentials.Value.String(),
			Evidence:    fmt.Sprint(o.Identity.Err),
			Consequence: "it can do nothing in AWS: the credentials have expired, or their role was deleted or made anew",
			Fix:         Fix{Text: "get new ones: make the pod anew, or sign in again"},
		}}, nil
	case o.Credentials.Value.LongLived() && o.inside():
		return []Finding{{
			Code: "caller-static-key", Status: Warning,
			What:        "this process has an access key that never expires, from " + o.Credentials.Value.String(),
			Evidence:    "access key id " + o.Credentials.Value.AccessKeyID,
			Consequence: "whoever copies it has it for ever; and it is a user's, whom the base role does not trust",
			Fix:         Fix{Text: "give the pod a role by EKS Pod Identity or IRSA, take the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY away, and delete the key"},
		}}, nil
	}
	return nil, nil
}

func callerAccount(o Observation) ([]Finding, error) {
	if o.Identity.Err != nil {
		return nil, o.Identity.Err
	}
	if have := o.Identity.Value.AccountID; have != o.Installation.AccountID {
		return []Finding{{
			Code: "caller-account", Status: Failed,
			What:        fmt.Sprintf("this process is in account %s, and the installation in %s", have, o.Installation.AccountID),
			Evidence:    "sts:GetCallerIdentity: " + o.Identity.Value.ARN,
			Consequence: "access points and roles of the installation cannot be reached from there",
			Fix:         Fix{Text: "use credentials of account " + o.Installation.AccountID + ", or correct backend.managedCas.accountId"},
		}}, nil
	}
	return nil, nil
}

// callerRole compares the role with that of the workload which the process ought to be.
// Nobody says what it ought to be: then only roles that no process has are wrong.
func callerRole(o Observation) ([]Finding, error) {
	if o.Identity.Err != nil {
		return nil, o.Identity.Err
	}
	in, arn := o.Installation, o.Identity.Value.ARN
	_, role, _ := strings.Cut(arn, ":assumed-role/")
	role, _, _ = strings.Cut(role, "/")
	want := ""
	for _, w := range workloads(in) {
		if w.Workload == o.As || strings.Contains(w.Who, string(o.As)) && o.As != "" {
			want = w.Name
		}
	}
	f := Finding{
		Status:   Failed,
		Evidence: "sts:GetCallerIdentity: " + arn + ", from " + o.Credentials.Value.String(),
		Fix:      Fix{Text: "associate the service account with role " + want + " (Pod Identity), or annotate it with that role's ARN (IRSA), and make the pod anew"},
	}
	switch {
	case want != "" && role == want:
		return nil, nil
	case role == in.BaseRoleName:
		f.Code, f.What = "caller-base-role", "this process has the base role itself"
		f.Consequence = "it needs nobody's leave to be any organization, without session policy and tag; what it asks for is refused, since it is no workload"
		if want == "" {
			f.Fix.Text = "take the base role from whatever runs this: nobody has it but by sts:AssumeRole"
		}
	case o.Credentials.Value.Provider == cloud.FromInstance && (want != "" || o.Environment[inPod] != "") && o.workload() == Administrator:
		f.Code, f.What = "caller-node-role", "this pod has the role of its node, "+role+": it was given none of its own"
		f.Consequence = "AWS refuses what the workload needs, and every pod of the node may do what the node may"
		if want == "" {
			f.Fix.Text = "associate the service account with the workload's role (Pod Identity), or annotate it with the role's ARN (IRSA), and make the pod anew"
		}
	case want == "":
		return nil, nil
	case o.workload() != Administrator:
		f.Code, f.What = "caller-swapped-role", fmt.Sprintf("%s has the role of %s, %s", o.As, o.workload(), role)
		f.Consequence = "it may do what it must not, and not what it must; a mistake in it reaches as far as the other's rights"
	default:
		f.Code, f.What = "caller-other-role", fmt.Sprintf("%s is %s, which is none of the installation's workloads", o.As, arn)
		f.Consequence = "the base role does not trust it: no organization gets a session there"
	}
	return []Finding{f}, nil
}

// callerRegion warns only: the programs of this project take the Region from their
// configuration; the aws CLI and others in the same pod do not.
func callerRegion(o Observation) ([]Finding, error) {
	var found []Finding
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		value := o.Environment[name]
		if value == "" || value == o.Installation.Region || len(found) > 0 {
			continue
		}
		found = append(found, Finding{
			Code: "caller-region", Status: Warning,
			What:        fmt.Sprintf("%s is %s, and the Region of the installation %s", name, value, o.Installation.Region),
			Evidence:    "environment: " + name + "=" + value,
			Consequence: "the programs here go by backend.managedCas.region; an aws CLI in the same place asks elsewhere, and finds nothing",
			Fix:         Fix{Text: "set " + name + "=" + o.Installation.Region + ", or correct backend.managedCas.region if that is the wrong one"},
		})
	}
	return found, nil
}

// who says who the process is, and how it is that.
func (o Observation) who() string {
	if o.Identity.Err != nil {
		return ""
	}
	return o.Identity.Value.ARN + ", from " + o.Credentials.Value.String()
}
