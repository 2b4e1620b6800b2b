package doctor

import (
	"slices"
	"strings"
)

// Misconfigured reports why a configuration is none: each mistake is a finding. It is all
// that can be said then, for the configuration names what is to be looked at.
func Misconfigured(file string, err error) Report {
	r := Result{Check: "configuration", Title: "the configuration is valid", Status: Failed}
	for _, mistake := range mistakes(err) {
		r.Findings = append(r.Findings, Finding{
			Code: codeOf(mistake), Status: Failed,
			What:        mistake,
			Evidence:    "reading " + file,
			Consequence: "no role starts with it",
			Fix:         correctionOf(mistake),
		})
	}
	r.Findings = causesAlone(r.Findings)
	return Report{Results: []Result{r}}
}

// causesAlone leaves out ARNs that are wrong only if account and Region are right.
func causesAlone(found []Finding) []Finding {
	place := slices.ContainsFunc(found, func(f Finding) bool { return f.Code == "config-account" || f.Code == "config-region" })
	return slices.DeleteFunc(found, func(f Finding) bool {
		return place && (f.Code == "config-kms-key" || f.Code == "config-operators")
	})
}

// mistakes takes apart what is one error of several.
func mistakes(err error) []string {
	var all []string
	for part := range strings.FieldsFuncSeq(err.Error(), func(r rune) bool { return r == '\n' }) {
		for line := range strings.SplitSeq(part, "; line ") {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
	}
	return all
}

// configurationCodes are found by what a mistake says.
var configurationCodes = []struct{ says, code string }{
	{"unknown key", "config-unknown-key"},
	{"session policy prefix", "config-session-policy-prefix"},
	{"session policy mode", "config-session-policy-mode"},
	{"access point prefix", "config-access-point-prefix"},
	{"KMS key", "config-kms-key"},
	{"bucket name", "config-bucket-name"},
	{"account id", "config-account"},
	{"region ", "config-region"},
	{"partition ", "config-region"},
	{"operator", "config-operators"},
	{"role", "config-roles"},
	{"enabled is false", "config-disabled"},
	{"no such file", "config-missing"},
}

func codeOf(mistake string) string {
	for _, c := range configurationCodes {
		if strings.Contains(mistake, c.says) {
			return c.code
		}
	}
	return "config-invalid"
}

// correctionOf says where a value is had from, if it is not to be known beforehand.
func correctionOf(mistake string) Fix {
	if strings.Contains(mistake, `KMS key ""`) {
		return Fix{Text: "give kmsKeyArn: managedcasd provision prints it, and aws kms describe-key for the alias of the bucket's name"}
	}
	return Fix{Text: "correct it; the message says what is wanted"}
}
