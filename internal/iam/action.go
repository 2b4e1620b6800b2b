package iam

// ActionMatches reports whether pattern, an entry of Action or NotAction, covers action.
func ActionMatches(pattern, action string) bool { return matchAction(pattern, action) }

// ARNMatches reports whether pattern, an entry of Resource or NotResource, covers arn.
func ARNMatches(pattern, arn string) bool { return matchARN(pattern, arn) }
