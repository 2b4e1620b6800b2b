package decisions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const workloadARN = "arn:aws:iam::" + account + ":role/W"

// workload is a role session that may assume T, as a pod is: what it does is role
// chaining. Its tags are passed on when transitive says so.
func (w *world) workload(tags map[string]string, transitive ...string) *actor {
	w.t.Helper()
	trust := policy(allow("TrustCAS", []string{"sts:AssumeRole", "sts:TagSession"}).to(principal{"AWS": casARN}))
	_, err := w.root.iam().CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: aws.String("W"), AssumeRolePolicyDocument: aws.String(trust.text(w.t))})
	w.must(err)
	return w.assume(w.cas, &sts.AssumeRoleInput{
		RoleArn: aws.String(workloadARN), RoleSessionName: aws.String("pod"), Tags: tagList(tags), TransitiveTagKeys: transitive,
	})
}

func tagList(tags map[string]string) []ststypes.Tag {
	var list []ststypes.Tag
	for k, v := range tags {
		list = append(list, ststypes.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return list
}

// trustWorkload makes T trust W and the user cas for these actions.
func (w *world) trustWorkload(actions ...string) {
	w.t.Helper()
	w.setTrust(policy(
		allow("TrustWorkload", actions).to(principal{"AWS": workloadARN}),
		allow("TrustCAS", actions).to(principal{"AWS": casARN})))
}

// assumeFails expects that AssumeRole is refused so, with wantText in the message.
func assumeFails(t *testing.T, a *actor, in *sts.AssumeRoleInput, status int, wantCode, wantText string) {
	t.Helper()
	_, err := a.sts().AssumeRole(t.Context(), in)
	_, got := a.wire.last()
	if code(err) != wantCode || got != status || err != nil && !strings.Contains(err.Error(), wantText) {
		t.Errorf("answered %d %v, want %d %s … %s", got, err, status, wantCode, wantText)
	}
}

// TestSessionDuration holds the limits and the order in which they are found to be
// exceeded (facts AWS §4.1): the model's range, the role's limit, role chaining's.
func TestSessionDuration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pod := w.workload(nil)
	w.trustWorkload("sts:AssumeRole")
	const (
		ofRange    = "Member must have value less than or equal to 43200"
		ofRole     = "exceeds the MaxSessionDuration set for this role"
		ofChaining = "exceeds the 1 hour session limit for roles assumed by role chaining"
	)
	for _, tc := range []struct {
		roleMax, asked int32
		chained        bool
		want           string // empty: granted
	}{
		{3600, 43201, true, ofRange},
		{3600, 43200, true, ofRole},
		{3600, 3601, true, ofRole},
		{3600, 3601, false, ofRole},
		{7200, 7201, true, ofRole},
		{7200, 3601, true, ofChaining},
		{7200, 7200, true, ofChaining},
		{7200, 7200, false, ""},
		{7200, 3600, true, ""},
		{7200, 900, true, ""},
		{7200, 899, true, "Member must have value greater than or equal to 900"},
	} {
		_, err := w.root.iam().UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: aws.String("T"), MaxSessionDuration: &tc.roleMax})
		w.must(err)
		by := w.cas
		if tc.chained {
			by = pod
		}
		in := assumeT("orgA")
		in.DurationSeconds = &tc.asked
		if tc.want == "" {
			w.assume(by, in)
			continue
		}
		assumeFails(t, by, in, 400, "ValidationError", tc.want)
	}
}

// TestSessionTags: tags, also those that are only inherited, need sts:TagSession, and
// what is inherited cannot be changed (facts AWS §4.3).
func TestSessionTags(t *testing.T) {
	t.Parallel()
	passing := func(key, value string) *sts.AssumeRoleInput {
		in := assumeT("orgA")
		in.Tags = tagList(map[string]string{key: value})
		return in
	}
	twice, notPassed := passing("k", "v"), passing("k", "v")
	twice.Tags = append(twice.Tags, tagList(map[string]string{"K": "v"})...)
	notPassed.TransitiveTagKeys = []string{"other"}
	const missing = "is not authorized to perform: sts:TagSession on resource: " + roleARN
	for name, tc := range map[string]struct {
		inherited  bool
		trust      []string
		ask        *sts.AssumeRoleInput
		status     int
		code, text string // empty: granted
	}{
		"inherited, no TagSession":   {true, []string{"sts:AssumeRole"}, assumeT("orgA"), 403, "AccessDenied", missing},
		"inherited, TagSession":      {true, []string{"sts:AssumeRole", "sts:TagSession"}, assumeT("orgA"), 200, "", ""},
		"dropped, no TagSession":     {false, []string{"sts:AssumeRole"}, assumeT("orgA"), 200, "", ""},
		"passed, no TagSession":      {false, []string{"sts:AssumeRole"}, passing("org", "A"), 403, "AccessDenied", missing},
		"TagSession alone":           {false, []string{"sts:TagSession"}, passing("org", "A"), 403, "AccessDenied", "sts:AssumeRole"},
		"inherited and passed again": {true, []string{"sts:AssumeRole", "sts:TagSession"}, passing("org", "B"), 400, "InvalidParameterValue", "conflicts with a transitive tag key"},
		"same, in other case":        {true, []string{"sts:AssumeRole", "sts:TagSession"}, passing("ORG", "B"), 400, "InvalidParameterValue", "conflicts with a transitive tag key"},
		"passed twice, by case":      {false, []string{"sts:AssumeRole", "sts:TagSession"}, twice, 400, "InvalidParameterValue", "Duplicate tag keys"},
		"transitive, not passed":     {false, []string{"sts:AssumeRole", "sts:TagSession"}, notPassed, 400, "InvalidParameterValue", "must be included in the requested tags"},
		"dropped and passed again":   {false, []string{"sts:AssumeRole", "sts:TagSession"}, passing("org", "B"), 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var transitive []string
			if tc.inherited {
				transitive = []string{"org"}
			}
			pod := w.workload(map[string]string{"org": "A"}, transitive...)
			w.trustWorkload(tc.trust...)
			if tc.code == "" {
				w.assume(pod, tc.ask)
				return
			}
			assumeFails(t, pod, tc.ask, tc.status, tc.code, tc.text)
		})
	}
}

// TestSessionPolicyLimits: what AssumeRole refuses to take along (facts AWS §3.3,
// §4.1, §4.4).
func TestSessionPolicyLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	arns := func(n int) *sts.AssumeRoleInput {
		in := assumeT("orgA")
		for range n {
			in.PolicyArns = append(in.PolicyArns, ststypes.PolicyDescriptorType{Arn: aws.String(s0ARN)})
		}
		return in
	}
	w.assume(w.cas, arns(1))
	assumeFails(t, w.cas, arns(11), 400, "ValidationError", "Member must have length less than or equal to 10")

	nowhere := arns(1)
	nowhere.PolicyArns[0].Arn = aws.String(s0ARN + "-none")
	assumeFails(t, w.cas, nowhere, 400, "MalformedPolicyDocument", s0ARN+"-none")

	long := assumeT("orgA")
	long.Policy = aws.String(policy(allow("Long", readWrite, "arn:aws:s3:::"+strings.Repeat("x", 2048))).text(t))
	assumeFails(t, w.cas, long, 400, "ValidationError", "2048")

	broken := assumeT("orgA")
	broken.Policy = aws.String(`{"Version":"2012-10-17","Statement":[`)
	assumeFails(t, w.cas, broken, 400, "MalformedPolicyDocument", "")

	tagged := assumeT("orgA")
	for i := range 4 {
		tagged.Tags = append(tagged.Tags, tagList(map[string]string{fmt.Sprintf("key%d", i): strings.Repeat("v", 256)})...)
	}
	assumeFails(t, w.cas, tagged, 400, "PackedPolicyTooLarge", "Packed size of session tags consumes ")
}

// TestAssumedRole holds what AssumeRole says about the session (facts AWS §4.2).
func TestAssumedRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.install(w.base())
	for name, tc := range map[string]struct {
		policies []string
		packed   bool
	}{"plain": {nil, false}, "with a session policy": {[]string{s0ARN}, true}} {
		in := assumeT("orgA")
		for _, arn := range tc.policies {
			in.PolicyArns = append(in.PolicyArns, ststypes.PolicyDescriptorType{Arn: &arn})
		}
		got, err := w.cas.sts().AssumeRole(t.Context(), in)
		w.must(err)
		if arn, id := *got.AssumedRoleUser.Arn, *got.AssumedRoleUser.AssumedRoleId; arn != orgAARN || id != w.roleID+":orgA" {
			t.Errorf("%s: the session is %s with id %s", name, arn, id)
		}
		//lint:ignore SA1019 what AWS has answered for years is what clients read
		packed := got.PackedPolicySize
		if !strings.HasPrefix(*got.Credentials.AccessKeyId, "ASIA") || (packed != nil) != tc.packed {
			t.Errorf("%s: key %s, packed size %v", name, *got.Credentials.AccessKeyId, packed)
		}
	}
}

// TestWhoMayAssume holds the trust policy's side (facts AWS §4.5).
func TestWhoMayAssume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assume := []string{"sts:AssumeRole"}
	const refusal = "is not authorized to perform: sts:AssumeRole on resource: "

	w.setTrust(policy(allow("Trust", assume).to(principal{"AWS": casARN})))
	w.assume(w.cas, assumeT("orgA")) // named: needs no policy of its own
	assumeFails(t, w.admin, assumeT("orgA"), 403, "AccessDenied", refusal)
	assumeFails(t, w.root, assumeT("orgA"), 403, "AccessDenied", "root")
	none := assumeT("orgA")
	none.RoleArn = aws.String(roleARN + "-none")
	assumeFails(t, w.cas, none, 403, "AccessDenied", refusal) // and not: no such role

	w.setTrust(policy(allow("Trust", assume).to(principal{"AWS": rootARN})))
	assumeFails(t, w.cas, assumeT("orgA"), 403, "AccessDenied", refusal)
	w.assume(w.admin, assumeT("orgA")) // delegated: its own policy allows

	w.setTrust(policy(allow("Trust", assume).to(principal{"AWS": casARN}).when("StringLike", "sts:RoleSessionName", "org?")))
	w.assume(w.cas, assumeT("orgA"))
	assumeFails(t, w.cas, assumeT("organization"), 403, "AccessDenied", refusal)
}
