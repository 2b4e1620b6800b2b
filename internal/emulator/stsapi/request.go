package stsapi

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of AssumeRole (facts AWS §4.1).
const (
	minDuration     = 15 * time.Minute
	maxDuration     = 12 * time.Hour
	defaultDuration = time.Hour
	maxChained      = time.Hour
	maxPolicyARNs   = 10
	maxPolicyText   = 2048
	maxTransitive   = 50
)

// assumption is a request to assume a role that is well-formed in itself.
type assumption struct {
	roleARN        string
	sessionName    string
	duration       time.Duration
	policy         string // inline session policy; empty: none was passed
	policyARNs     []string
	tags           map[string]string
	transitive     []string
	externalID     string
	sourceIdentity string
}

// readAssumption checks the parameters of AssumeRole against AWS's model of it.
func readAssumption(form url.Values) (assumption, error) {
	p := awsquery.NewParams(form)
	for _, name := range []string{"SerialNumber", "TokenCode", "ProvidedContexts.member.1.ProviderArn"} {
		if p.Has(name) {
			return assumption{}, api.NotImplemented("sts", "AssumeRole with "+name)
		}
	}
	a := readSession(p)
	a.externalID = p.Text("ExternalId", awsquery.Limits{
		Min: 2, Max: 1224, Match: awsquery.ExternalIDText, Pattern: `[\w+=,.@:\/-]*`,
	})
	a.sourceIdentity = p.Text("SourceIdentity", awsquery.Name(2, 64).Optional())
	a.transitive = p.Texts("TransitiveTagKeys", maxTransitive, awsquery.TagKey)
	tags := p.Tags("Tags")
	if err := p.Err(); err != nil {
		return assumption{}, err
	}
	return a, a.complete(tags)
}

// readSession reads what all operations have that assume a role.
func readSession(p *awsquery.Params) assumption {
	a := assumption{
		roleARN:     p.Text("RoleArn", awsquery.Limits{Required: true, Min: 20, Max: 2048}),
		sessionName: p.Text("RoleSessionName", awsquery.Name(2, 64)),
		duration: time.Duration(p.Int("DurationSeconds",
			int(minDuration/time.Second), int(maxDuration/time.Second), int(defaultDuration/time.Second))) * time.Second,
		policy: p.Text("Policy", awsquery.Limits{
			Min: 1, Max: maxPolicyText, Match: awsquery.PolicyText, Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`,
		}),
	}
	for _, name := range p.Bounded("PolicyArns", maxPolicyARNs) {
		a.policyARNs = append(a.policyARNs, p.Text(name+".arn", awsquery.Limits{Required: true, Min: 20, Max: 2048}))
	}
	return a
}

// complete checks what concerns several parameters at once.
func (a *assumption) complete(tags []awsquery.Tag) error {
	if !isRoleARN(a.roleARN) {
		return awsquery.ValidationError("%s is invalid", a.roleARN)
	}
	a.tags = make(map[string]string, len(tags))
	for _, tag := range tags {
		if holdsKey(a.tags, tag.Key) {
			return invalidParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		a.tags[tag.Key] = tag.Value
	}
	for _, key := range a.transitive {
		if !holdsKey(a.tags, key) {
			return invalidParameter("The specified transitive tag key must be included in the requested tags.")
		}
	}
	// AWS's limit is on the text of both, the inline policy and the ARNs
	// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
	plain := len(a.policy)
	for _, arn := range a.policyARNs {
		plain += len(arn)
	}
	if plain > maxPolicyText {
		return awsquery.ValidationError("The inline session policy and the ARNs of managed ones have %d characters together, %d are allowed", plain, maxPolicyText)
	}
	if a.policy != "" {
		if _, err := iam.Parse(iam.KindSession, []byte(a.policy)); err != nil {
			return malformedPolicy(err.Error())
		}
	}
	return nil
}

// invalidParameter is how STS refuses tags that contradict one another, and not with
// the ValidationError that it has for what contradicts its model (seen on AWS:
// https://github.com/localstack/localstack/pull/12508, whose tests ran there).
func invalidParameter(message string) error {
	return &api.Error{Status: http.StatusBadRequest, Code: "InvalidParameterValue", Message: message}
}

func isRoleARN(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[1] == "aws" && parts[2] == "iam" && parts[3] == "" &&
		isAccount(parts[4]) && strings.HasPrefix(parts[5], "role/") && !strings.HasSuffix(parts[5], "/")
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// accountOf returns the account in the ARN of a role.
func accountOf(roleARN string) string { return strings.SplitN(roleARN, ":", 6)[4] }

// holdsKey reports whether tags have the key, without regard to case as in STS.
func holdsKey(tags map[string]string, key string) bool {
	for k := range tags {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}
