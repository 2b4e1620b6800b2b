package iam

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMatchARN: source of the bucket rows is
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html,
// of the others facts AWS §3.4.
func TestMatchARN(t *testing.T) {
	t.Parallel()
	rows := []struct {
		pattern, arn string
		want         bool
	}{
		{"*", "arn:aws:s3:::b", true},
		{"*", "*", true},
		{"arn:aws:s3:::b", "*", false},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1///test///object.jpg", true},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b//test/object.jpg", true},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/test/", true},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/object.jpg", false},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/object.jpg", false},
		{"arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test.jpg", false},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b:c", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b", false},
		{"arn:aws:s3:::b", "arn:aws:s3:::b/x", false},
		{"arn:aws:s3:::B", "arn:aws:s3:::b", false},
		{"arn:aws:s3:*:*:accesspoint/a", "arn:aws:s3:eu:1:accesspoint/a", true},
		{"arn:aws:s3:*:accesspoint/a", "arn:aws:s3:eu:1:accesspoint/a", false},
		{"arn:aws:s3:*:1:accesspoint/a", "arn:aws:s3:eu:2:x:1:accesspoint/a", false},
		{"arn:aws:s3:e?:1:a", "arn:aws:s3:eu:1:a", true},
		{"arn:aws:s3:???:1:a", "arn:aws:s3:e:1:a", false},
		{"arn:aws:s3:::?", "arn:aws:s3:::ü", true},
		{"arn:aws:s3:::??", "arn:aws:s3:::ü", false},
		{"arn:aws:s3:::a\xff*", "arn:aws:s3:::a*", true},
		{"arn:aws:s3:::a\xff*", "arn:aws:s3:::ab", false},
	}
	for _, row := range rows {
		if got := matchARN(row.pattern, row.arn); got != row.want {
			t.Errorf("%q matches %q: %t, want %t", row.pattern, row.arn, got, row.want)
		}
	}
}

// Source: facts AWS §3.4, actions have no case.
func TestMatchAction(t *testing.T) {
	t.Parallel()
	rows := []struct {
		pattern, action string
		want            bool
	}{
		{"*", "s3:GetObject", true},
		{"s3:*", "S3:GetObject", true},
		{"S3:GETOBJECT", "s3:GetObject", true},
		{"s3:GetObject", "s3:GetObjectAcl", false},
		{"s3:GetObject*", "s3:GetObject", true},
		{"s3:Get?bject", "s3:GetObject", true},
		{"s3:*Object", "s3:GetObjectAcl", false},
		{"s3:*Object*", "s3:GetObjectAcl", true},
		{"kms:*", "s3:GetObject", false},
	}
	for _, row := range rows {
		if got := matchAction(row.pattern, row.action); got != row.want {
			t.Errorf("%q matches %q: %t, want %t", row.pattern, row.action, got, row.want)
		}
	}
}

// FuzzGlob compares glob with its definition, and checks that a quoted text matches
// itself alone.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add("**?", "")
	f.Add("*a*a*", "banana")
	f.Add("?", "ü")
	f.Add(strings.Repeat("*", 11)+"b", strings.Repeat("a", 24))
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		if got, want := glob(pattern, s, false), globByDefinition([]rune(pattern), []rune(s)); got != want {
			t.Errorf("glob(%q, %q) = %t, want %t", pattern, s, got, want)
		}
		if got := glob(quote(pattern), s, false); got != (pattern == s) {
			t.Errorf("quoted %q matches %q: %t", pattern, s, got)
		}
	})
}

// globByDefinition is the definition, with a table of what the ends of both match: of twelve
// stars against twenty-four characters the bare recursion has a billion branches, and a
// fuzzing worker dies that is busy with one input for ten seconds.
func globByDefinition(pattern, s []rune) bool {
	known := map[[2]int]bool{}
	var matches func(i, j int) bool
	matches = func(i, j int) (yes bool) {
		if yes, ok := known[[2]int{i, j}]; ok {
			return yes
		}
		defer func() { known[[2]int{i, j}] = yes }()
		switch {
		case i == len(pattern):
			return j == len(s)
		case pattern[i] == '*':
			return matches(i+1, j) || j < len(s) && matches(i, j+1)
		}
		return j < len(s) && (pattern[i] == '?' || pattern[i] == s[j]) && matches(i+1, j+1)
	}
	return matches(0, 0)
}

// TestGlobIsNotExponential: a pattern of many stars against a long name.
func TestGlobIsNotExponential(t *testing.T) {
	t.Parallel()
	if glob(strings.Repeat("*a", 50)+"b", strings.Repeat("a", 2000), false) {
		t.Error("matched")
	}
}
