package iam_test

import (
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/iam"
)

// applies is the part of a statement that needs no principal: action, resource and
// all conditions.
func (m *model) applies(st iam.Statement, version string) bool {
	variables := version == iam.Version2012
	action := slices.ContainsFunc(append(slices.Clone(st.Actions), st.NotActions...), func(p string) bool {
		re, _ := m.pattern(p, false)
		return m.expressions.match("(?i)"+re, m.req.Action)
	})
	if action != (st.Actions != nil) {
		return false
	}
	resource := false
	for _, p := range append(slices.Clone(st.Resources), st.NotResources...) {
		matches, resolved := m.arn(p, m.req.Resource, variables)
		if !resolved && st.NotResources != nil && st.Effect == iam.Allow {
			return false // deny by default: what was to be excepted is not known
		}
		resource = resource || matches
	}
	if resource != (st.Resources != nil) {
		return false
	}
	for _, c := range st.Conditions {
		if !m.condition(c, variables, st.Effect == iam.Deny) {
			return false
		}
	}
	return true
}

// arn compares each of the six parts of an ARN by itself, as the pages on ARN
// operators and on resources demand. Variables stand in the sixth part only.
func (m *model) arn(pattern, arn string, variables bool) (matches, resolved bool) {
	if pattern == "*" {
		return true, true
	}
	ps, as := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	matches, resolved = len(ps) == len(as), true
	for i := range ps {
		re, ok := m.pattern(ps[i], variables)
		resolved = resolved && ok && (i == 5 || !variables || !strings.Contains(ps[i], "${"))
		matches = matches && m.expressions.match(re, as[i])
	}
	return matches && resolved, resolved
}

var variable = regexp.MustCompile(`\$\{([^,}]+)(, *'(.*?)')?\}`)

// text puts values in the place of variables. It fails when one has none.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (m *model) text(s string, variables bool, literal func(string) string) (string, bool) {
	if !variables {
		return s, true
	}
	ok := true
	s = variable.ReplaceAllStringFunc(s, func(v string) string {
		sub := variable.FindStringSubmatch(v)
		if strings.Contains("*?$", sub[1]) {
			return literal(sub[1])
		}
		for key, values := range m.req.Context {
			if strings.EqualFold(key, sub[1]) && len(values) > 0 {
				ok = ok && len(values) == 1 // never a multivalued key, nor its default
				return literal(values[0])
			}
		}
		ok = ok && sub[2] != ""
		return literal(sub[3])
	})
	return s, ok
}

// pattern returns a regular expression for a text with wildcards and variables. What
// a variable stands for is hidden in private-use characters, so that neither wildcard
// nor quoting sees it.
func (m *model) pattern(s string, variables bool) (string, bool) {
	var hidden []string
	s, ok := m.text(s, variables, func(v string) string {
		hidden = append(hidden, regexp.QuoteMeta(v))
		return string(rune(0xE000 + len(hidden) - 1))
	})
	re := regexp.QuoteMeta(s)
	re = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(re)
	for i, v := range hidden {
		re = strings.ReplaceAll(re, string(rune(0xE000+i)), v)
	}
	return `(?s)^` + re + `$`, ok
}

// condition follows the pages on operators and on multivalued keys. Where they give
// no answer the condition of an Allow fails and that of a Deny holds.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func (m *model) condition(c iam.Condition, variables, deny bool) bool {
	var got []string
	for key, values := range m.req.Context {
		if strings.EqualFold(key, c.Key) {
			got = values
		}
	}
	blank := len(got) > 0 && strings.Join(got, "") == ""
	if c.Operator == "Null" {
		if blank {
			return deny // "null … such as an empty string": whether that is a value is not said
		}
		for _, want := range c.Values {
			if (want == "true") == (len(got) == 0) {
				return true
			}
		}
		return false
	}
	set, name, qualified := strings.Cut(c.Operator, ":")
	if !qualified {
		set, name = "", c.Operator
	}
	base, ifExists := strings.CutSuffix(name, "IfExists")
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	if len(got) == 0 || qualified && blank {
		switch {
		case ifExists || set == "ForAllValues":
			return true
		case set == "ForAnyValue":
			return false
		}
		return negated
	}
	var results []bool
	for _, value := range got {
		results = append(results, m.value(base, negated, value, c.Values, variables, deny))
	}
	all, some := !slices.Contains(results, false), slices.Contains(results, true)
	switch {
	case set == "ForAllValues":
		return all
	case set == "ForAnyValue":
		return some
	case deny: // several values need a set operator; without one, deny by default
		return some
	}
	return all
}

// value says whether one value of the request satisfies the operator.
func (m *model) value(base string, negated bool, got string, wants []string, variables, deny bool) bool {
	unclear := false
	for _, want := range wants {
		resolved := want
		if slices.Contains([]string{"StringEquals", "StringEqualsIgnoreCase", "Bool"}, base) {
			var ok bool
			if resolved, ok = m.text(want, variables, func(v string) string { return v }); !ok {
				unclear = unclear || negated // the statement is invalid
				continue
			}
		}
		equal, clear := false, true
		switch base {
		case "StringEquals":
			equal = resolved == got
		case "StringEqualsIgnoreCase":
			equal = strings.EqualFold(resolved, got)
		case "StringLike":
			re, ok := m.pattern(want, variables)
			if !ok {
				unclear = unclear || negated
				continue
			}
			equal = m.expressions.match(re, got)
		case "ArnEquals", "ArnLike":
			if _, ok := m.pattern(want, variables); !ok {
				unclear = unclear || negated
				continue
			}
			equal = m.arnValue(want, got, variables)
		case "Bool":
			a, b := strings.ToLower(resolved), strings.ToLower(got)
			known := func(s string) bool { return s == "true" || s == "false" }
			equal, clear = a == b, known(a) && known(b)
		case "IpAddress":
			equal, clear = inRange(want, got)
		default:
			equal, clear = ordered(base, want, got)
		}
		if !clear {
			unclear = true
		} else if equal {
			return !negated
		}
	}
	if unclear {
		return deny
	}
	return negated
}

// arnValue is arn for a condition, where a variable may stand anywhere.
func (m *model) arnValue(pattern, got string, variables bool) bool {
	pattern, _ = m.text(pattern, variables, func(v string) string {
		return strings.NewReplacer("*", "\uF001", "?", "\uF002").Replace(v)
	})
	if pattern == "*" {
		return true
	}
	ps, gs := strings.SplitN(pattern, ":", 6), strings.SplitN(got, ":", 6)
	if len(ps) != 6 || len(gs) != 6 {
		return false
	}
	for i := range ps {
		re, _ := m.pattern(ps[i], false)
		re = strings.NewReplacer("\uF001", `\*`, "\uF002", `\?`).Replace(re)
		if !m.expressions.match(re, gs[i]) {
			return false
		}
	}
	return true
}

func inRange(want, got string) (in, clear bool) {
	ip := net.ParseIP(got)
	if !strings.Contains(want, "/") {
		alone := net.ParseIP(want)
		return alone.Equal(ip), alone != nil && ip != nil
	}
	_, network, err := net.ParseCIDR(want)
	if err != nil || ip == nil {
		return false, false
	}
	return network.Contains(ip), true
}

// ordered compares numbers and dates by the rest of the operator's name.
func ordered(base, want, got string) (holds, clear bool) {
	var order int
	if how, ok := strings.CutPrefix(base, "Numeric"); ok {
		number := regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)
		w, okW := new(big.Rat).SetString(want)
		g, okG := new(big.Rat).SetString(got)
		if !okW || !okG || !number.MatchString(want) || !number.MatchString(got) {
			return false, false
		}
		order, base = g.Cmp(w), how
	} else {
		w, okW := date(want)
		g, okG := date(got)
		if !okW || !okG {
			return false, false
		}
		order, base = g.Compare(w), strings.TrimPrefix(base, "Date")
	}
	return map[string]bool{
		"Equals":            order == 0,
		"LessThan":          order < 0,
		"LessThanEquals":    order <= 0,
		"GreaterThan":       order > 0,
		"GreaterThanEquals": order >= 0,
	}[base], true
}

func date(s string) (time.Time, bool) {
	if seconds, err := strconv.Atoi(s); err == nil {
		return time.Unix(int64(seconds), 0), true
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

// expressions are the compiled ones: the universe is small, compiling is not cheap.
type expressions map[string]*regexp.Regexp

func (e expressions) match(expr, s string) bool {
	re, ok := e[expr]
	if !ok {
		re = regexp.MustCompile(expr)
		e[expr] = re
	}
	return re.MatchString(s)
}
