package registry

import (
	"strings"
	"testing"
	"time"
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
		{"", "", true}, {"", "x", false}, {"x", "", false},
		{"repo:acme/**:main", "repo:acme/app:ref:main", true}, {"repo:acme/**:main", "repo:acme/app:ref:main:x", false},
		{"repo:acme/*:**:*", "repo:acme/app:a:b:c", true}, {"repo:acme/*:**:*", "repo:acme/app:a", false},
	} {
		if got := Matches(tc.pattern, tc.subject); got != tc.want {
			t.Errorf("Matches(%q, %q) = %t", tc.pattern, tc.subject, got)
		}
	}
}

// An organization that chooses both keeps nobody else waiting.
func TestMatchingIsQuick(t *testing.T) {
	t.Parallel()
	done := make(chan bool, 1)
	go func() {
		done <- Matches("repo:a/"+strings.Repeat("*a", 100)+"b", "repo:a/"+strings.Repeat("a", 255))
	}()
	select {
	case matches := <-done:
		if matches {
			t.Error("what does not end with b matches")
		}
	case <-time.After(10 * time.Second):
		t.Error("comparing a pattern takes longer than 10 s")
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
