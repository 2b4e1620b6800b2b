package iam

// ActionMatches reports whether pattern, an entry of Action or NotAction, covers action.
func ActionMatches(pattern, action string) bool { return matchAction(pattern, action) }
