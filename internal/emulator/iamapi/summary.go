package iamapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

type summaryEntry struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

type summaryResult struct {
	Entries []summaryEntry `xml:"SummaryMap>entry"`
}

// accountSummary reports what the account uses of its quotas.
func (s *Service) accountSummary(ctx context.Context, c *call) (any, error) {
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	var roles, users, policies, versions, providers int
	err := s.dir.View(func(tx directory.Tx) (err error) {
		if roles, err = directory.Roles.Count(tx); err != nil {
			return err
		}
		if users, err = directory.Users.Count(tx); err != nil {
			return err
		}
		if policies, err = directory.Policies.Count(tx); err != nil {
			return err
		}
		if providers, err = directory.Providers.Count(tx); err != nil {
			return err
		}
		versions, err = directory.Versions.Count(tx)
		return err
	})
	q := s.quotas
	return summaryResult{[]summaryEntry{
		{"AccessKeysPerUserQuota", q.AccessKeysPerUser},
		{"AccountAccessKeysPresent", 1},
		{"AccountMFAEnabled", 0},
		{"AssumeRolePolicySizeQuota", q.TrustPolicySize},
		{"AttachedPoliciesPerRoleQuota", q.AttachedPerRole},
		{"AttachedPoliciesPerUserQuota", q.AttachedPerUser},
		{"Groups", 0},
		{"Policies", policies},
		{"PoliciesQuota", q.Policies},
		{"PolicySizeQuota", q.PolicySize},
		{"PolicyVersionsInUse", versions},
		{"PolicyVersionsInUseQuota", q.PolicyVersionsUsed},
		{"Providers", providers},
		{"RolePolicySizeQuota", q.InlinePerRole},
		{"Roles", roles},
		{"RolesQuota", q.Roles},
		{"UserPolicySizeQuota", q.InlinePerUser},
		{"Users", users},
		{"UsersQuota", q.Users},
		{"VersionsPerPolicyQuota", q.VersionsPerPolicy},
	}}, err
}

type listInstanceProfilesResult struct {
	InstanceProfiles awsquery.List[struct{}]
	pageEnd
}

func (s *Service) listInstanceProfiles(ctx context.Context, c *call) (any, error) {
	_, err := s.authorizeRole(ctx, c)
	return listInstanceProfilesResult{}, err
}

type listGroupsResult struct {
	Groups awsquery.List[struct{}]
	pageEnd
}

func (s *Service) listGroups(ctx context.Context, c *call) (any, error) {
	_, err := s.authorizeUser(ctx, c)
	return listGroupsResult{}, err
}
