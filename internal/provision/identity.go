package provision

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// The ways in which pods get workload roles, by their names in the chart's values.
const (
	PodIdentity = "podIdentity"
	IRSA        = "irsa"
)

// Identity says how pods get the workload roles. Of the zero value, roles that are made
// trust EKS Pod Identity, and those that exist whom they trust.
type Identity struct {
	Kind string // PodIdentity, IRSA, or empty
	// OIDCProviderARN is the cluster's, for IRSA.
	OIDCProviderARN string
	Namespace       string
	// ServiceAccounts are names by workload: backend, controlplane, cas.
	ServiceAccounts map[string]string
}

// Workloads are what has a service account.
func Workloads() []string { return []string{"backend", "controlplane", "cas"} }

var kubernetesName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// Check refuses what no cluster has, and what is missing.
func (id Identity) Check() error {
	switch {
	case id.Kind != "" && id.Kind != IRSA && id.Kind != PodIdentity:
		return fmt.Errorf("workload identity %q: want %s or %s", id.Kind, PodIdentity, IRSA)
	case id.Kind == IRSA && id.OIDCProviderARN == "":
		return errors.New("IRSA needs the ARN of the cluster's OIDC provider: aws iam list-open-id-connect-providers")
	case id.Kind != IRSA && id.OIDCProviderARN != "":
		return fmt.Errorf("an OIDC provider is for the workload identity %s alone", IRSA)
	case id.Kind != IRSA && id.Namespace == "" && len(id.ServiceAccounts) == 0:
		return nil // nothing of them is in a trust policy for Pod Identity
	case !kubernetesName.MatchString(id.Namespace):
		return fmt.Errorf("namespace %q: want a name of Kubernetes, of lowercase letters, digits and hyphens", id.Namespace)
	}
	seen := map[string]bool{}
	for _, workload := range Workloads() {
		name := id.ServiceAccounts[workload]
		if !kubernetesName.MatchString(name) || seen[name] {
			return fmt.Errorf("service account %q of %s: want a name of Kubernetes, and another one for each workload, for each has a role of its own", name, workload)
		}
		seen[name] = true
	}
	for workload := range id.ServiceAccounts {
		if !slices.Contains(Workloads(), workload) {
			return fmt.Errorf("a service account for %q: there are %s", workload, strings.Join(Workloads(), ", "))
		}
	}
	return nil
}

// trust returns the trust policy of the role that the workloads share.
func (id Identity) trust(in tenancy.Installation, workloads []string) (*iam.Document, error) {
	if id.Kind != IRSA {
		return in.WorkloadTrustPodIdentity(), nil
	}
	var accounts []tenancy.ServiceAccount
	for _, workload := range workloads {
		accounts = append(accounts, tenancy.ServiceAccount{Namespace: id.Namespace, Name: id.ServiceAccounts[workload]})
	}
	return in.WorkloadTrustIRSA(id.OIDCProviderARN, accounts...)
}

// ours reports whether a trust policy of a workload role can only be provision's: every
// statement is one that it writes, for some cluster and some service accounts.
func ours(in tenancy.Installation, trust *iam.Document) bool {
	podIdentity := in.WorkloadTrustPodIdentity()
	return len(trust.Statements) > 0 && !slices.ContainsFunc(trust.Statements, func(s iam.Statement) bool {
		return !has(podIdentity, s, trust.Version) && !isServiceAccounts(in, s, trust.Version)
	})
}

// isServiceAccounts reports whether a statement is the one of IRSA: made again of the
// provider and the service accounts in it, it is the same.
func isServiceAccounts(in tenancy.Installation, s iam.Statement, version string) bool {
	if s.Principals == nil || len(s.Principals.Federated) != 1 {
		return false
	}
	var accounts []tenancy.ServiceAccount
	for _, c := range s.Conditions {
		if !strings.HasSuffix(c.Key, ":sub") {
			continue
		}
		for _, subject := range c.Values {
			namespace, name, ok := strings.Cut(strings.TrimPrefix(subject, "system:serviceaccount:"), ":")
			if !ok {
				return false
			}
			accounts = append(accounts, tenancy.ServiceAccount{Namespace: namespace, Name: name})
		}
	}
	again, err := in.WorkloadTrustIRSA(s.Principals.Federated[0], accounts...)
	return err == nil && has(again, s, version)
}

// Associations returns the commands that give the workload roles to the pods of a cluster,
// where EKS Pod Identity does: EKS has them, and they are the operator's to make.
func (id Identity) Associations(in tenancy.Installation, cluster string) []string {
	if id.Kind == IRSA {
		return nil
	}
	var commands []string
	for _, workload := range Workloads() {
		commands = append(commands, fmt.Sprintf(
			"aws eks create-pod-identity-association --region %s --cluster-name %s --namespace %s --service-account %s --role-arn %s --disable-session-tags",
			in.Region, cluster, id.Namespace, id.ServiceAccounts[workload], roleOf(in, workload)))
	}
	return commands
}

// roleOf returns the ARN of a workload's role.
func roleOf(in tenancy.Installation, workload string) string {
	switch workload {
	case "backend":
		return in.BackendRoleARN()
	case "controlplane":
		return in.ControlplaneRoleARN()
	}
	return in.CASRoleARN()
}

// RoleARNs are the workload roles, by workload.
func (p *Provisioner) RoleARNs() map[string]string {
	arns := map[string]string{}
	for _, workload := range Workloads() {
		arns[workload] = roleOf(p.in, workload)
	}
	return arns
}
