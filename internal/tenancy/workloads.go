package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// BackendPermissions returns the permission policy of the backend's identity: the
// life of access points and session policies under the installation's prefixes, and
// sessions for its probes.
//
// Two limits of AWS are behind it: no condition key restricts which bucket an access
// point is created on, nor what a managed policy says. Both are harmless only while
// the backend can attach nothing (facts AWS §10.6).
func (in Installation) BackendPermissions() *iam.Document {
	return also(document(
		iam.Statement{
			Sid:    "AccessPointLifecycle",
			Effect: iam.Allow,
			Actions: []string{
				"s3:CreateAccessPoint", "s3:DeleteAccessPoint",
				"s3:PutAccessPointPolicy", "s3:GetAccessPointPolicy", "s3:DeleteAccessPointPolicy",
				"s3:GetAccessPointPolicyStatus",
				"s3:TagResource", "s3:UntagResource", "s3:ListTagsForResource",
			},
			Resources: []string{in.APARNPattern()},
		},
		// These have no resource type: on an access point ARN they are denied (facts AWS
		// §12.22).
		iam.Statement{
			Sid:        "AccessPointReads",
			Effect:     iam.Allow,
			Actions:    []string{"s3:GetAccessPoint", "s3:ListAccessPoints"},
			Resources:  []string{"*"},
			Conditions: []iam.Condition{when("StringEquals", "aws:RequestedRegion", in.Region)},
		},
	), slices.Concat(in.managesSessionPolicies(), []iam.Statement{
		{
			Sid:       "PolicyListingAndQuota",
			Effect:    iam.Allow,
			Actions:   []string{"iam:ListPolicies", "iam:GetAccountSummary"},
			Resources: []string{"*"},
		},
		in.becomeOneOrganization(),
		noDirectData(),
		{
			Sid:    "NeverGrant",
			Effect: iam.Deny,
			Actions: []string{
				"iam:Attach*", "iam:Put*", "iam:PassRole", "iam:UpdateAssumeRolePolicy",
				"iam:CreateRole", "iam:CreateUser", "iam:CreateAccessKey",
				"s3:PutBucketPolicy", "s3:DeleteBucketPolicy",
			},
			Resources: []string{"*"},
		},
	}, in.readsConfiguration(), in.writesCoordinates(), in.becomesPurger()))
}

// ControlplanePermissions returns the permission policy of the controlplane's
// identity: sessions, and nothing else, unless cas shares it.
func (in Installation) ControlplanePermissions() *iam.Document {
	if in.CASRoleName == in.ControlplaneRoleName {
		return in.CASPermissions()
	}
	return in.sessionsOnly()
}

// CASPermissions returns the permission policy of the cas identity: the data path and
// no more.
func (in Installation) CASPermissions() *iam.Document {
	return also(in.sessionsOnly(), in.readsCoordinates())
}

func (in Installation) sessionsOnly() *iam.Document {
	return also(document(
		in.becomeOneOrganization(),
		noDirectData(),
		iam.Statement{
			Sid:    "NeverManage",
			Effect: iam.Deny,
			Actions: []string{
				"s3:CreateAccessPoint", "s3:DeleteAccessPoint*", "s3:PutAccessPointPolicy",
				"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "iam:*",
			},
			Resources: []string{"*"},
		},
	), in.becomesCustomerRoles())
}

func (in Installation) becomeOneOrganization() iam.Statement {
	return iam.Statement{
		Sid:       "BecomeOneOrganization",
		Effect:    iam.Allow,
		Actions:   []string{"sts:AssumeRole", "sts:TagSession"},
		Resources: []string{in.BaseRoleARN()},
	}
}

// noDirectData holds against whatever is attached to a workload's role later. It does
// not touch sessions of the base role, which are another principal.
func noDirectData() iam.Statement {
	return iam.Statement{
		Sid:       "NoDirectData",
		Effect:    iam.Deny,
		Actions:   append(everyBucketObjectAction(), everyListAction),
		Resources: []string{"*"},
	}
}

// WorkloadTrustPodIdentity returns the trust policy of a workload role under EKS Pod
// Identity. Which pods get the role is then decided by the cluster's association.
// Its tags are no condition here: where they are disabled, to save packed policy
// size, such a condition could not match (facts AWS §8).
func (in Installation) WorkloadTrustPodIdentity() *iam.Document {
	return document(iam.Statement{
		Sid:        "PodIdentity",
		Effect:     iam.Allow,
		Principals: &iam.Principals{Service: []string{"pods.eks.amazonaws.com"}},
		Actions:    []string{"sts:AssumeRole", "sts:TagSession"},
		Conditions: []iam.Condition{when("StringEquals", "aws:SourceAccount", in.AccountID)},
	})
}

// ServiceAccount is a Kubernetes service account.
type ServiceAccount struct{ Namespace, Name string }

// WorkloadTrustIRSA returns the trust policy of a workload role under IAM roles for
// service accounts. providerARN is the cluster's OIDC provider,
// "arn:aws:iam::ACCOUNT:oidc-provider/ISSUER"; the accounts are those whose pods share
// the role, at least one. Wildcards are refused: they would let other pods in.
func (in Installation) WorkloadTrustIRSA(providerARN string, accounts ...ServiceAccount) (*iam.Document, error) {
	issuer, ok := strings.CutPrefix(providerARN, in.iamARN("oidc-provider/"))
	if !ok || issuer == "" || strings.ContainsAny(issuer, "*?$") {
		return nil, fmt.Errorf("OIDC provider %q: want %sISSUER, in the account of the installation", providerARN, in.iamARN("oidc-provider/"))
	}
	if len(accounts) == 0 {
		return nil, fmt.Errorf("OIDC provider %q: name at least one service account", providerARN)
	}
	subjects := make([]string, 0, len(accounts))
	for _, account := range accounts {
		for _, part := range []string{account.Namespace, account.Name} {
			if part == "" || strings.ContainsAny(part, "*?$:") {
				return nil, fmt.Errorf("service account %q in namespace %q: want the two names, without wildcards", account.Name, account.Namespace)
			}
		}
		subjects = append(subjects, "system:serviceaccount:"+account.Namespace+":"+account.Name)
	}
	slices.Sort(subjects)
	return document(iam.Statement{
		Sid:        "ServiceAccount",
		Effect:     iam.Allow,
		Principals: &iam.Principals{Federated: []string{providerARN}},
		Actions:    []string{"sts:AssumeRoleWithWebIdentity"},
		Conditions: []iam.Condition{
			when("StringEquals", issuer+":sub", slices.Compact(subjects)...),
			when("StringEquals", issuer+":aud", "sts.amazonaws.com"),
		},
	}), nil
}
