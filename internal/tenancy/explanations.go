package tenancy

import "strings"

// Explanation says for people what one policy document is for. docs/policies is generated
// from it; provision tells by it which statements of a policy are this project's.
type Explanation struct {
	Title   string
	Place   string // where the document goes
	Purpose string // what it is for, in the words of the operator's guide where it has any
	// Statements says by Sid what each allows or stops. A sentence stays when its statement
	// goes: policies that an earlier version wrote are still ours.
	Statements map[string]string
}

// Explain returns the explanation of a document by its name, whichever of its variants that
// is: "backend-permissions-abac" is explained with "backend-permissions".
func Explain(document string) (Explanation, bool) {
	e, ok := explanations()[DocumentFamily(document)]
	return e, ok
}

// DocumentFamily returns the name under which the variants of a document are explained.
func DocumentFamily(document string) string {
	for _, variant := range []string{"-undashed", "-inline", "-abac", "-own-buckets"} {
		document = strings.TrimSuffix(document, variant)
	}
	return document
}

// ExplainedDocuments returns the names of all families, in the order of the operator's guide.
func ExplainedDocuments() []string {
	return []string{
		"bucket-policy", "key-policy",
		"base-role-trust", "base-role-permissions",
		"workload-trust-pod-identity", "workload-trust-irsa",
		"backend-permissions", "controlplane-permissions", "cas-permissions",
		"purge-role-trust", "purge-role-permissions",
		"session-policy", "access-point-policy", "vpc-endpoint-policy",
	}
}

func explanations() map[string]Explanation {
	all := resourceExplanations()
	for name, e := range roleExplanations() {
		all[name] = e
	}
	return all
}
