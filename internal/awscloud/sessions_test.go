package awscloud_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func scoped(policy tenancy.PassedPolicy) session.Request {
	return session.Request{
		RoleARN: "arn:aws:iam::123456789012:role/tenant", SessionName: "cas-x",
		Policy: policy, Tags: map[string]string{"org": "x"}, Lifetime: time.Hour,
	}
}

// I2: AssumeRole carries the one session policy, as what it is, and nothing of the other
// kind. How full the session is comes back.
func TestI2_AssumeRoleSendsOnePolicy(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		policy    tenancy.PassedPolicy
		arn, text string
		answer    string
		packed    int
	}{
		"ARN":         {tenancy.PassedPolicy{ARN: "arn:aws:iam::123456789012:policy/cas-x"}, "arn:aws:iam::123456789012:policy/cas-x", "", "<PackedPolicySize>7</PackedPolicySize>", 7},
		"text":        {tenancy.PassedPolicy{Text: `{"Version":"2012-10-17"}`}, "", `{"Version":"2012-10-17"}`, "<SessionTokenUtilization>31</SessionTokenUtilization>", 31},
		"not so said": {tenancy.PassedPolicy{Text: "{}"}, "", "{}", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := at(t, func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				if r.Form.Get("PolicyArns.member.1.arn") != row.arn || r.Form.Get("Policy") != row.text ||
					r.Form.Has("PolicyArns.member.1.arn") == r.Form.Has("Policy") || r.Form.Has("PolicyArns.member.2.arn") {
					t.Errorf("sent %v", r.Form)
				}
				_, _ = io.WriteString(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>hush</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration>
</Credentials>`+row.answer+`</AssumeRoleResult></AssumeRoleResponse>`)
			})
			got, err := c.AssumeRole(t.Context(), scoped(row.policy))
			if err != nil || got.Packed != row.packed {
				t.Errorf("packed %d, %v; want %d", got.Packed, err, row.packed)
			}
		})
	}
}

// Waiting does not make a session smaller: the error says what does.
func TestPackedPolicyTooLargeSaysTheFix(t *testing.T) {
	t.Parallel()
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>PackedPolicyTooLarge</Code><Message>Packed size of session policy and session tags consumes 143% of allotted space.</Message></Error></ErrorResponse>`)
	})
	_, err := c.AssumeRole(t.Context(), scoped(tenancy.PassedPolicy{Text: "{}"}))
	if !errors.Is(err, cloud.ErrLimit) || !strings.Contains(err.Error(), "143%") || !strings.Contains(err.Error(), "disable the session tags of the EKS Pod Identity association") {
		t.Errorf("%v", err)
	}
}
