package conform

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// sessionLimits: the ranges of AssumeRole's parameters
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; facts AWS
// §4.1, §4.6).
func sessionLimits(t *testing.T, target Target) {
	r := newRole(t, target, allow("*", "iam:ListRoles"))
	r.assume(t, target, sts.AssumeRoleInput{}) // from here on, it is known
	client := sts.NewFromConfig(target.Config)
	tags := func(n int) (list []ststypes.Tag) {
		for i := range n {
			list = append(list, ststypes.Tag{Key: aws.String("k" + strconv.Itoa(i)), Value: aws.String("v")})
		}
		return list
	}
	for _, tc := range []struct {
		name   string
		in     sts.AssumeRoleInput
		status int
		code   string // "": granted
	}{
		{"session name with a slash", sts.AssumeRoleInput{RoleSessionName: aws.String("a/b")}, 400, "ValidationError"},
		{"session name with a colon", sts.AssumeRoleInput{RoleSessionName: aws.String("a:b")}, 400, "ValidationError"},
		{"session name of one character", sts.AssumeRoleInput{RoleSessionName: aws.String("a")}, 400, "ValidationError"},
		{"session name of two", sts.AssumeRoleInput{RoleSessionName: aws.String("ab")}, 0, ""},
		{"session name of 64", sts.AssumeRoleInput{RoleSessionName: aws.String(strings.Repeat("a", 64))}, 0, ""},
		{"session name of 65", sts.AssumeRoleInput{RoleSessionName: aws.String(strings.Repeat("a", 65))}, 400, "ValidationError"},
		{"every sign of a session name", sts.AssumeRoleInput{RoleSessionName: aws.String("aZ09_=,.@-+")}, 0, ""},
		{"899 seconds", sts.AssumeRoleInput{DurationSeconds: aws.Int32(899)}, 400, "ValidationError"},
		{"900 seconds", sts.AssumeRoleInput{DurationSeconds: aws.Int32(900)}, 0, ""},
		{"more than the role allows", sts.AssumeRoleInput{DurationSeconds: aws.Int32(3601)}, 400, "ValidationError"},
		{"more than anybody allows", sts.AssumeRoleInput{DurationSeconds: aws.Int32(43201)}, 400, "ValidationError"},
		{"eleven policies", sts.AssumeRoleInput{PolicyArns: make([]ststypes.PolicyDescriptorType, 11)}, 400, "ValidationError"},
		{"policy that is not JSON", sts.AssumeRoleInput{Policy: aws.String("{")}, 400, "MalformedPolicyDocument"},
		{"policy with a principal", sts.AssumeRoleInput{Policy: document(t, allow("*", "s3:GetObject").to("*"))}, 400, "MalformedPolicyDocument"},
		{"51 tags", sts.AssumeRoleInput{Tags: tags(51)}, 400, "ValidationError"},
		{"tag key of 129 characters", sts.AssumeRoleInput{Tags: []ststypes.Tag{{Key: aws.String(strings.Repeat("k", 129)), Value: aws.String("v")}}}, 400, "ValidationError"},
		{"tag value of 257 characters", sts.AssumeRoleInput{Tags: []ststypes.Tag{{Key: aws.String("k"), Value: aws.String(strings.Repeat("v", 257))}}}, 400, "ValidationError"},
		{"tag value with a wildcard", sts.AssumeRoleInput{Tags: []ststypes.Tag{{Key: aws.String("k"), Value: aws.String("*")}}}, 400, "ValidationError"},
		{"unknown role", sts.AssumeRoleInput{RoleArn: aws.String(r.arn + "x")}, 403, "AccessDenied"},
	} {
		ask := func() error {
			in := tc.in
			if in.RoleArn == nil {
				in.RoleArn = &r.arn
			}
			if in.RoleSessionName == nil {
				in.RoleSessionName = aws.String("conform")
			}
			for i := range in.PolicyArns {
				in.PolicyArns[i].Arn = aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")
			}
			return failure(client.AssumeRole(t.Context(), &in))
		}
		if tc.code == "" {
			target.allowed(t, tc.name, ask)
		} else {
			target.refused(t, tc.name, tc.status, tc.code, ask)
		}
	}
	before := time.Now()
	got := must(client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &r.arn, RoleSessionName: aws.String("conform"), DurationSeconds: aws.Int32(900)}))(t)
	if lasts := got.Credentials.Expiration.Sub(before); lasts < 14*time.Minute || lasts > 16*time.Minute {
		t.Errorf("a session of 900 seconds lasts %s", lasts)
	}
	//lint:ignore SA1019 absent when nothing was packed, which its successors do not tell
	packed := got.PackedPolicySize
	if !strings.HasPrefix(*got.Credentials.AccessKeyId, "ASIA") || aws.ToString(got.AssumedRoleUser.AssumedRoleId) != r.id+":conform" || packed != nil {
		t.Errorf("got key %s of %s, packed size %v", *got.Credentials.AccessKeyId, aws.ToString(got.AssumedRoleUser.AssumedRoleId), packed)
	}
}

// roleChaining: a session of a session lasts an hour at most, and inherits transitive
// tags, which then need sts:TagSession and cannot be replaced (facts AWS §4.1, §4.3).
func roleChaining(t *testing.T, target Target) {
	first := newRole(t, target, allow("*", "sts:AssumeRole", "sts:TagSession"))
	second := newRoleFor(t, target, []statement{trust(first.arn)}, allow("*", "iam:ListRoles"))
	untagged := newRoleFor(t, target, []statement{statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}}.to(first.arn)}, allow("*", "iam:ListRoles"))

	plain := target
	plain.Config = first.assume(t, target, sts.AssumeRoleInput{})
	tag := []ststypes.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	tagged := target
	tagged.Config = first.assume(t, target, sts.AssumeRoleInput{Tags: tag, TransitiveTagKeys: []string{"team"}})
	ask := func(by Target, in sts.AssumeRoleInput) func() error {
		in.RoleSessionName = aws.String("chained")
		return func() error { return failure(sts.NewFromConfig(by.Config).AssumeRole(t.Context(), &in)) }
	}
	target.allowed(t, "chained", ask(plain, sts.AssumeRoleInput{RoleArn: &second.arn}))
	target.allowed(t, "chained without the right to tag", ask(plain, sts.AssumeRoleInput{RoleArn: &untagged.arn}))
	target.refused(t, "chained for over an hour", 400, "ValidationError", ask(plain, sts.AssumeRoleInput{RoleArn: &second.arn, DurationSeconds: aws.Int32(3601)}))
	target.allowed(t, "inherited tag", ask(tagged, sts.AssumeRoleInput{RoleArn: &second.arn}))
	target.refused(t, "inherited tag without the right to tag", 403, "AccessDenied", ask(tagged, sts.AssumeRoleInput{RoleArn: &untagged.arn}))
	target.refused(t, "inherited tag replaced", 400, "InvalidParameterValue", ask(tagged, sts.AssumeRoleInput{
		RoleArn: &second.arn, Tags: []ststypes.Tag{{Key: aws.String("Team"), Value: aws.String("b")}},
	}))
}
