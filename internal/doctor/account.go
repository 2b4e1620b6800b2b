package doctor

// reachChecks come first: what does not answer cannot be looked at.
func reachChecks() []check {
	return []check{
		{"account/endpoints", "AWS answers", endpoints},
		{"account/clock", "the clock is right", clockSkew},
	}
}

// accountChecks are about what the installation shares with others.
func accountChecks() []check {
	return []check{
		{"account/quotas", "the account has room for more organizations", quotas},
		{"account/access-points", "the bucket and the prefix have no access points but the installation's", accessPoints},
		{"account/session-policies", "the prefix of session policies is the installation's alone", sessionPolicies},
	}
}
