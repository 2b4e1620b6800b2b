package intrusion

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

// jwts finds the tokens in an answer: a leak may be in their claims.
var jwts = regexp.MustCompile(`eyJ[\w-]+\.([\w-]+)\.[\w-]+`)

// encoded finds what may be a cursor.
var encoded = regexp.MustCompile(`[\w-]{40,}`)

// leaks returns those of the estate's values that an answer has in it, and that the caller
// had not said.
func (e *estate) leaks(a answer, said ...string) []string {
	told := strings.Join(said, "\n")
	for _, s := range said { // a cursor and a token say what is in them
		if found := jwts.FindStringSubmatch(s); found != nil {
			s = found[1]
		}
		if raw, err := base64.RawURLEncoding.DecodeString(s); err == nil {
			told += "\n" + string(raw)
		}
	}
	all := strings.Join(a.all, "\n")
	for _, found := range jwts.FindAllStringSubmatch(all, -1) {
		if claims, err := base64.RawURLEncoding.DecodeString(found[1]); err == nil {
			all += "\n" + string(claims)
		}
	}
	for _, word := range encoded.FindAllString(all, -1) {
		if raw, err := base64.RawURLEncoding.DecodeString(word); err == nil {
			all += "\n" + string(raw)
		}
	}
	var found []string
	for k, values := range e.values {
		for _, v := range values {
			if strings.Contains(told, v) {
				continue
			}
			forms := []string{v}
			if k == orgs || k == backends {
				raw, _ := hex.DecodeString(strings.ReplaceAll(v, "-", ""))
				forms = append(forms, strings.ReplaceAll(v, "-", ""), strings.ToUpper(v), string(raw))
			}
			for _, form := range forms {
				if strings.Contains(all, form) {
					found = append(found, string(k)+" "+form)
				}
			}
		}
	}
	return found
}

// keepsQuiet fails when an answer tells of the estate what the caller had not said.
func (e *estate) keepsQuiet(t *testing.T, what string, a answer, said ...string) {
	t.Helper()
	if found := e.leaks(a, said...); len(found) > 0 {
		t.Errorf("%s: the answer (%s) has in it what only %s has: %q", what, a.outcome, e.org.Name, found)
	}
}

// The check itself has to find what is hidden.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	e := &estate{values: map[kind][]string{orgs: {"0ea7cafe-0000-4000-8000-000000000001"}, names: {"globex"}, digests: {"sha256:" + strings.Repeat("ab", 32)}, hexes: {strings.Repeat("ab", 32)}}}
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"org-id":"0ea7cafe-0000-4000-8000-000000000001"}`))
	for name, row := range map[string]struct {
		in   string
		said []string
		n    int
	}{
		"nothing":                    {"acme", nil, 0},
		"a name":                     {"no such thing in globex", nil, 1},
		"a name that was said":       {"there is no organization globex", []string{"globex"}, 0},
		"claims of a token":          {"eyJhbGciOiJFUzI1NiJ9." + claims + ".c2ln", nil, 1},
		"an id without dashes":       {"cas-0ea7cafe000040008000000000000001", nil, 1},
		"a cursor":                   {base64.RawURLEncoding.EncodeToString([]byte("12345678" + strings.Repeat("ab", 32))), nil, 1},
		"a digest that was said":     {"sha256:" + strings.Repeat("ab", 32), []string{"sha256:" + strings.Repeat("ab", 32)}, 0},
		"a digest that a cursor had": {strings.Repeat("ab", 32), []string{base64.RawURLEncoding.EncodeToString([]byte("12345678" + strings.Repeat("ab", 32)))}, 0},
	} {
		if got := e.leaks(answer{all: []string{row.in}}, row.said...); len(got) != row.n {
			t.Errorf("%s: %q, want %d", name, got, row.n)
		}
	}
}
