package gate

import (
	"net/http"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// denial words the refusal as AWS does (facts AWS §3.5, last paragraph). Across
// accounts AWS tells the caller nothing about the policies of the other account.
func denial(req *api.Request, caller *api.Caller, checks []Check, decisions []iam.Decision, verdict iam.Decision) *api.Error {
	for i, decision := range decisions {
		if decision.Result != verdict.Result {
			continue
		}
		check := checks[i]
		if caller.Kind == api.Anonymous || (caller.Kind != api.Service && check.Account != caller.AccountID) {
			break
		}
		resource := check.Resource
		if quotesResource(req, check) {
			resource = `"` + resource + `"`
		}
		return accessDenied("User: " + caller.ARN + " is not authorized to perform: " + check.Action +
			" on resource: " + resource + " " + cause(decision, check.Action))
	}
	return accessDenied("Access Denied")
}

func accessDenied(message string) *api.Error {
	return &api.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: message}
}

// quotesResource reports whether the message puts the resource in quotes: S3 does,
// for its own actions and for what KMS refuses it.
func quotesResource(req *api.Request, check Check) bool {
	return strings.HasPrefix(check.Action, "s3:") || (req != nil && req.Service == "s3")
}

func cause(decision iam.Decision, action string) string {
	layer := iam.LayerIdentity
	if len(decision.Because) > 0 {
		layer = decision.Because[0].Layer
	}
	if decision.Result == iam.ExplicitlyDenied {
		return "with an explicit deny in " + article(layer) + " " + string(layer)
	}
	return "because no " + string(layer) + " allows the " + action + " action"
}

func article(layer iam.Layer) string {
	if layer == iam.LayerIdentity {
		return "an"
	}
	return "a"
}
