package iamapi

// table lists the operations. What is not in it is refused by the frame, by name.
func (s *Service) table() map[string]operation {
	return map[string]operation{
		"CreateRole":             s.createRole,
		"GetRole":                s.getRole,
		"ListRoles":              s.listRoles,
		"DeleteRole":             s.deleteRole,
		"UpdateRole":             s.updateRole,
		"UpdateRoleDescription":  s.updateRoleDescription,
		"UpdateAssumeRolePolicy": s.updateTrust,

		"CreateUser":      s.createUser,
		"GetUser":         s.getUser,
		"ListUsers":       s.listUsers,
		"DeleteUser":      s.deleteUser,
		"CreateAccessKey": s.createAccessKey,
		"UpdateAccessKey": s.updateAccessKey,
		"ListAccessKeys":  s.listAccessKeys,
		"DeleteAccessKey": s.deleteAccessKey,

		"PutRolePolicy":    s.putInline(role()),
		"GetRolePolicy":    s.getInline(role()),
		"DeleteRolePolicy": s.deleteInline(role()),
		"ListRolePolicies": s.listInline(role()),
		"PutUserPolicy":    s.putInline(user()),
		"GetUserPolicy":    s.getInline(user()),
		"DeleteUserPolicy": s.deleteInline(user()),
		"ListUserPolicies": s.listInline(user()),

		"AttachRolePolicy":         s.attach(role()),
		"DetachRolePolicy":         s.detach(role()),
		"ListAttachedRolePolicies": s.listAttached(role()),
		"AttachUserPolicy":         s.attach(user()),
		"DetachUserPolicy":         s.detach(user()),
		"ListAttachedUserPolicies": s.listAttached(user()),

		"PutRolePermissionsBoundary":    s.putBoundary(role()),
		"DeleteRolePermissionsBoundary": s.deleteBoundary(role()),
		"PutUserPermissionsBoundary":    s.putBoundary(user()),
		"DeleteUserPermissionsBoundary": s.deleteBoundary(user()),

		"TagRole":      s.tagPrincipal(role()),
		"UntagRole":    s.untagPrincipal(role()),
		"ListRoleTags": s.listPrincipalTags(role()),
		"TagUser":      s.tagPrincipal(user()),
		"UntagUser":    s.untagPrincipal(user()),
		"ListUserTags": s.listPrincipalTags(user()),

		"CreatePolicy":            s.createPolicy,
		"GetPolicy":               s.getPolicy,
		"ListPolicies":            s.listPolicies,
		"DeletePolicy":            s.deletePolicy,
		"CreatePolicyVersion":     s.createVersion,
		"GetPolicyVersion":        s.getVersion,
		"ListPolicyVersions":      s.listVersions,
		"DeletePolicyVersion":     s.deleteVersion,
		"SetDefaultPolicyVersion": s.setDefaultVersion,
		"ListEntitiesForPolicy":   s.listEntities,
		"TagPolicy":               s.tagPolicy,
		"UntagPolicy":             s.untagPolicy,
		"ListPolicyTags":          s.listPolicyTags,

		"CreateOpenIDConnectProvider":             s.createProvider,
		"GetOpenIDConnectProvider":                s.getProvider,
		"ListOpenIDConnectProviders":              s.listProviders,
		"DeleteOpenIDConnectProvider":             s.deleteProvider,
		"AddClientIDToOpenIDConnectProvider":      s.addClientID,
		"RemoveClientIDFromOpenIDConnectProvider": s.removeClientID,
		"UpdateOpenIDConnectProviderThumbprint":   s.updateThumbprints,
		"TagOpenIDConnectProvider":                s.tagProvider,
		"UntagOpenIDConnectProvider":              s.untagProvider,
		"ListOpenIDConnectProviderTags":           s.listProviderTags,

		"GetAccountSummary":       s.accountSummary,
		"SimulateCustomPolicy":    s.simulateCustom,
		"SimulatePrincipalPolicy": s.simulatePrincipal,

		// OpenTofu asks both before it deletes; neither thing exists here.
		"ListInstanceProfilesForRole": s.listInstanceProfiles,
		"ListGroupsForUser":           s.listGroups,
	}
}
