package iam

import (
	"strings"
	"unicode/utf8"
)

// escape precedes a byte of a pattern that stands for itself. The byte 0xFF occurs
// in no UTF-8 text, so no pattern that came from JSON holds one by accident.
const escape = 0xFF

// glob reports whether all of s matches pattern: "*" is any run of characters, "?"
// is exactly one character. Letters are compared byte by byte, or without regard to
// the case of ASCII letters when fold is set.
//
// It takes at most len(pattern)·len(s) steps and allocates nothing.
func glob(pattern, s string, fold bool) bool {
	p, i := 0, 0
	star, resume := -1, 0 // where to go back to: after the last "*", and in s
	for i < len(s) {
		if p < len(pattern) {
			switch pattern[p] {
			case '*':
				if p++; p == len(pattern) {
					return true
				}
				star, resume = p, i
				continue
			case '?':
				_, size := utf8.DecodeRuneInString(s[i:])
				p, i = p+1, i+size
				continue
			case escape:
				if p+1 < len(pattern) && pattern[p+1] == s[i] {
					p, i = p+2, i+1
					continue
				}
			default:
				if pattern[p] == s[i] || fold && lower(pattern[p]) == lower(s[i]) {
					p, i = p+1, i+1
					continue
				}
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, i = star, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// quote returns s as a pattern that matches s alone.
func quote(s string) string {
	if strings.IndexByte(s, '*') < 0 && strings.IndexByte(s, '?') < 0 && strings.IndexByte(s, escape) < 0 {
		return s
	}
	quoted := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if c := s[i]; c == '*' || c == '?' || c == escape {
			quoted = append(quoted, escape)
		}
		quoted = append(quoted, s[i])
	}
	return string(quoted)
}

// matchAction compares actions, which have no case (facts AWS §3.4).
func matchAction(pattern, action string) bool { return glob(pattern, action, true) }

// matchARN compares ARNs part by part: in the first five parts a wildcard stays
// within its part, in the sixth it runs over ":" and "/" alike (facts AWS §3.4).
// AWS says elsewhere that a "*" at the end of a part may go beyond the colon, and
// the S3 guide that it may not; this is the narrower reading. The pattern "*"
// matches everything.
func matchARN(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	parts, same := 0, 0
	for ; same < min(len(pattern), len(arn)); same++ {
		c := pattern[same]
		if c == '*' || c == '?' || c == escape {
			break
		}
		if c != arn[same] {
			return false // up to here nothing but the character itself matches
		}
		if c == ':' && parts < arnParts-1 {
			parts++
		}
	}
	pattern, arn = pattern[same:], arn[same:]
	for range arnParts - 1 - parts {
		p, patternRest, ok := strings.Cut(pattern, ":")
		if !ok {
			return false
		}
		a, arnRest, ok := strings.Cut(arn, ":")
		if !ok || !glob(p, a, false) {
			return false
		}
		pattern, arn = patternRest, arnRest
	}
	return glob(pattern, arn, false)
}
