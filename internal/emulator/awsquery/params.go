// Package awsquery is the AWS Query protocol as IAM and STS speak it: parameters
// in a form, answers and errors in XML.
//
// The wire shapes are those of the AWS Query protocol in Smithy
// (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html); the texts of
// validation errors are those that AWS returns for its Java services.
package awsquery

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Params reads the parameters of one request. Of a parameter that is given more
// than once the first value counts, for validation and for use alike (observed on
// AWS, facts AWS §4.1). Violations are collected; Err reports them together.
type Params struct {
	form       url.Values
	violations []string
}

// NewParams reads from a parsed form.
func NewParams(form url.Values) *Params { return &Params{form: form} }

// Limits bound a text value. The zero value of a field is no limit.
type Limits struct {
	Required bool
	Min, Max int               // length in characters
	Match    func(string) bool // the whole value
	Pattern  string            // Match, as AWS words it in the error
}

// Has reports whether the parameter was sent, even if empty.
func (p *Params) Has(name string) bool { return p.form.Has(name) }

// Text returns the value of name, "" when absent.
func (p *Params) Text(name string, limits Limits) string {
	if !p.form.Has(name) {
		if limits.Required {
			p.violate("Value null at '%s' failed to satisfy constraint: Member must not be null", member(name))
		}
		return ""
	}
	v := p.form.Get(name)
	p.check(name, v, limits)
	return v
}

// Int returns the value of name when it lies in [low, high], or absent when the
// parameter was not sent.
func (p *Params) Int(name string, low, high, absent int) int {
	if !p.form.Has(name) {
		return absent
	}
	text := p.form.Get(name)
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		p.violate("Value '%s' at '%s' failed to satisfy constraint: Member must be an integer", text, member(name))
	case n < low:
		p.violate("Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to %d", n, member(name), low)
	case n > high:
		p.violate("Value '%d' at '%s' failed to satisfy constraint: Member must have value less than or equal to %d", n, member(name), high)
	default:
		return n
	}
	return absent
}

// Bool returns the value of name, false when absent.
func (p *Params) Bool(name string) bool {
	if !p.form.Has(name) {
		return false
	}
	switch text := p.form.Get(name); text {
	case "true":
		return true
	case "false":
		return false
	default:
		p.violate("Value '%s' at '%s' failed to satisfy constraint: Member must be a boolean", text, member(name))
		return false
	}
}

// Choice returns the value of name, which must be one of the choices; the first of
// them when absent.
func (p *Params) Choice(name string, choices ...string) string {
	if !p.form.Has(name) {
		return choices[0]
	}
	v := p.form.Get(name)
	if !slices.Contains(choices, v) {
		p.violate("Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
			v, member(name), strings.Join(choices, ", "))
	}
	return v
}

// Violate records a violation that the other methods cannot express.
func (p *Params) Violate(name, value, constraint string) {
	p.violate("Value '%s' at '%s' failed to satisfy constraint: %s", value, member(name), constraint)
}

// Err returns all violations so far as one ValidationError (400), or nil.
func (p *Params) Err() error {
	switch n := len(p.violations); n {
	case 0:
		return nil
	case 1:
		return ValidationError("1 validation error detected: %s", p.violations[0])
	default:
		return ValidationError("%d validation errors detected: %s", n, strings.Join(p.violations, "; "))
	}
}

// ValidationError is AWS's answer to a request that contradicts the service's
// model, or a rule that the model cannot say.
func ValidationError(format string, args ...any) *api.Error {
	return api.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

func (p *Params) check(name, v string, limits Limits) {
	n := utf8.RuneCountInString(v)
	if !utf8.ValidString(v) {
		p.Violate(name, strings.ToValidUTF8(v, "?"), "Member must be valid UTF-8")
		return
	}
	if n < limits.Min {
		p.Violate(name, v, fmt.Sprintf("Member must have length greater than or equal to %d", limits.Min))
	}
	if limits.Max > 0 && n > limits.Max {
		p.Violate(name, v, fmt.Sprintf("Member must have length less than or equal to %d", limits.Max))
	}
	if limits.Match != nil && !limits.Match(v) {
		p.Violate(name, v, "Member must satisfy regular expression pattern: "+limits.Pattern)
	}
}

// maxViolations bounds the error text of a hostile request.
const maxViolations = 20

func (p *Params) violate(format string, args ...any) {
	if len(p.violations) < maxViolations {
		p.violations = append(p.violations, fmt.Sprintf(format, args...))
	}
}

// member is the name of a parameter as AWS's errors spell it: roleName,
// tags.1.member.key.
func member(name string) string {
	parts := strings.Split(name, ".")
	if len(parts) >= 3 {
		parts[1], parts[2] = parts[2], parts[1]
	}
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToLower(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, ".")
}
