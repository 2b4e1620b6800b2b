package gate

import (
	"maps"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// conditionKeys returns the keys of one context: what the frame knows of the
// request, who the caller is (facts AWS §2.4), and what is the check's own.
func conditionKeys(req *api.Request, caller *api.Caller, check Check) iam.Context {
	keys := make(iam.Context, usualKeys)
	if req != nil {
		maps.Copy(keys, req.Context)
	}
	principalKeys(keys, caller)
	keys.Set("aws:ResourceAccount", check.Account)
	maps.Copy(keys, check.Context)
	return keys
}

// usualKeys is how many keys a request has, with some to spare: a map that grows while they
// are set takes as long as all of them.
const usualKeys = 32

// principalKeys sets the keys about the caller. Nobody signs in with a second factor
// here: aws:MultiFactorAuthPresent is false for temporary credentials, and AWS leaves it
// out of requests with long-term ones.
func principalKeys(keys iam.Context, caller *api.Caller) {
	keys.Set("aws:PrincipalIsAWSService", "false")
	keys.Set("aws:ViaAWSService", "false")
	if caller.Kind == api.Provider {
		webIdentityKeys(keys, caller.WebIdentity)
		return // nobody of this account yet
	}
	keys.Set("aws:PrincipalType", string(caller.Kind))
	switch caller.Kind {
	case api.Anonymous:
		keys.Set("aws:userid", "anonymous")
		return
	case api.Service:
		keys.Set("aws:PrincipalIsAWSService", "true")
		keys.Set("aws:PrincipalServiceName", caller.ARN)
		return
	case api.Role:
		keys.Set("aws:PrincipalArn", caller.RoleARN)
		keys.Set("aws:TokenIssueTime", rfc3339(caller.IssuedAt))
		keys.Set("aws:MultiFactorAuthPresent", "false")
		if caller.SourceIdentity != "" {
			keys.Set("aws:SourceIdentity", caller.SourceIdentity)
		}
		if caller.WebIdentity != nil {
			keys.Set("aws:FederatedProvider", caller.WebIdentity.ProviderARN)
			webIdentityKeys(keys, caller.WebIdentity)
		}
	case api.User:
		keys.Set("aws:PrincipalArn", caller.ARN)
		keys.Set("aws:username", caller.UserName)
	default:
		keys.Set("aws:PrincipalArn", caller.ARN)
	}
	keys.Set("aws:userid", caller.UserID)
	keys.Set("aws:PrincipalAccount", caller.AccountID)
	for key, value := range caller.Tags {
		keys.Add("aws:PrincipalTag/"+key, value)
	}
}

// webIdentityKeys are the keys of an OpenID Connect provider, in trust policies and in
// the sessions that these let begin
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif).
func webIdentityKeys(keys iam.Context, id *api.WebIdentity) {
	keys.Set(id.Name+":sub", id.Subject)
	keys.Set(id.Name+":aud", id.Audience)
	keys.Set(id.Name+":amr", id.Methods...)
}
