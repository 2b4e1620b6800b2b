package registry

import (
	"strings"
	"testing"
)

func TestSubjectsMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, subject string
		want             bool
	}{
		{"repo:acme/app:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main", true},
		{"repo:acme/app:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main2", false},
		{"repo:acme/app:ref:refs/heads/main", "xrepo:acme/app:ref:refs/heads/main", false},
		{"repo:acme/*:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main", true},
		{"repo:acme/*:ref:refs/heads/main", "repo:acme-evil/app:ref:refs/heads/main", false},
		{"repo:acme/*:ref:refs/heads/main", "repo:acme/app:environment:x:ref:refs/heads/main", false}, // * ends at a colon
		{"repo:acme/*:ref:refs/heads/main", "repo:acme/app:ref:refs/heads/main:x", false},
		{"repo:acme/app:ref:refs/heads/*", "repo:acme/app:ref:refs/heads/feature/x", true},
		{"repo:acme/app:*", "repo:acme/app:pull_request", true},
		{"repo:acme/app:*", "repo:acme/app:ref:refs/heads/main", false},
		{"repo:acme/app:**", "repo:acme/app:ref:refs/heads/main", true},
		{"repo:acme/app:**", "repo:acme/app", false},
		{"repo:acme/app:**", "repo:acme/app2:ref:refs/heads/main", false},
		{"repo:acme/a*:ref:*", "repo:acme/app:ref:refs/heads/main", true},
		{"repo:acme/*", "repo:acme/", true},
		{"repo:ACME/app", "repo:acme/app", false},
		{"repo:acme/a?p", "repo:acme/app", false}, // a question mark is one
		{"", "", true},
		{"a/**:**", "a/:", true},
		{"a/*:*", "a/b:c:d", false},
		{"a/*b", "a/b:b", false},
		{"a/**b", "a/b:b", true},
	} {
		if got := Matches(tc.pattern, tc.subject); got != tc.want {
			t.Errorf("Matches(%q, %q) = %t", tc.pattern, tc.subject, got)
		}
	}
}

func TestPatternsSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	for pattern, ok := range map[string]bool{
		"repo:acme/app:ref:refs/heads/main": true, "repo:acme/*": true, "project_path:acme/app:**": true, "no-slash-and-no-wildcard": true,
		"": false, "*": false, "**": false, "repo:*": false, "repo:*/app:ref:refs/heads/main": false, "repo:acme*/app": false,
		"spiffe://*": false, "https://*/app": false, "spiffe://acme.example/ci/*": true,
		"/*": false, "//**": false, "repo:acme/***": false,
	} {
		if err := CheckPattern(pattern); (err == nil) != ok {
			t.Errorf("CheckPattern(%q) = %v", pattern, err)
		}
	}
}

// A pattern with wildcards that nearly matches a long subject is no work: whoever may trust
// would have a pipeline of their own hold up everybody's calls.
func TestNearMatchesCostNothing(t *testing.T) {
	t.Parallel()
	subject := "repo:acme/app:ref:refs/heads/" + strings.Repeat("x", 226)
	for _, wildcard := range []string{"*x", "**x"} {
		if Matches("repo:acme/app:ref:refs/"+strings.Repeat(wildcard, 60)+"y", subject) {
			t.Errorf("%s: it ends in y", wildcard)
		}
	}
}
