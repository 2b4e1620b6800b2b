package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const someUUID = "0f8fad5b-d9cb-469f-a165-70867728950e"

// healthyAccount has one organization, and somebody else.
func healthyAccount(in tenancy.Installation) accountSeen {
	return accountSeen{
		Limits:     Limits{AccessPoints: 100, Reserve: 10},
		ClockAhead: seen(time.Second, nil),
		PolicyUse:  seen(cloud.PolicyUse{Policies: 2, PoliciesQuota: 100, Versions: 2, VersionsQuota: 1000, DocumentQuota: 6144}, nil),
		AccessPoints: seen([]cloud.AccessPoint{
			{Name: in.APPrefix + someUUID, Bucket: in.BucketName}, {Name: "reports", Bucket: "theirs"}, {Name: "other-" + someUUID, Bucket: "theirs"},
		}, nil),
		Policies: seen([]cloud.Policy{policyNamed(in, in.SessionPolicyPrefix+someUUID), policyNamed(in, "theirs"), policyNamed(in, in.SharedPolicyName())}, nil),
	}
}

func policyNamed(in tenancy.Installation, name string) cloud.Policy {
	return cloud.Policy{Name: name, ARN: "arn:aws:iam::" + in.AccountID + ":policy/" + name}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	in := installation(t)
	point := func(name, bucket string) func(*accountSeen) {
		return func(o *accountSeen) {
			o.AccessPoints.Value = append(o.AccessPoints.Value, cloud.AccessPoint{Name: name, Bucket: bucket})
		}
	}
	policy := func(name string) func(*accountSeen) {
		return func(o *accountSeen) { o.Policies.Value = append(o.Policies.Value, policyNamed(in, name)) }
	}
	points := func(n int) func(*accountSeen) {
		return func(o *accountSeen) {
			for i := len(o.AccessPoints.Value); i < n; i++ {
				point(fmt.Sprintf("their-point-%d", i), "theirs")(o)
			}
		}
	}
	ahead := func(d time.Duration) func(*accountSeen) { return func(o *accountSeen) { o.ClockAhead.Value = d } }
	compact := strings.ReplaceAll(someUUID, "-", "")
	for name, test := range map[string]struct {
		change func(*accountSeen)
		want   string
		status Status
	}{
		"healthy":                          {func(*accountSeen) {}, "", OK},
		"59 seconds":                       {ahead(59 * time.Second), "", OK},
		"a minute":                         {ahead(time.Minute), "clock-skew", Warning},
		"five minutes behind":              {ahead(-5 * time.Minute), "clock-skew", Failed},
		"under the prefix":                 {point("cas-backup", in.BucketName), "access-point-admitted", Failed},
		"under a longer prefix, here":      {point("cas-eu-"+someUUID, in.BucketName), "access-point-admitted", Failed},
		"under a longer prefix, elsewhere": {point("cas-eu-"+someUUID, "theirs"), "access-point-prefix-overlap", Failed},
		"under a shorter prefix, undashed": {point("c"+compact, "theirs"), "access-point-prefix-overlap", Failed},
		"another's on the bucket":          {point("reports-2", in.BucketName), "access-point-foreign", Warning},
		"ours on another bucket":           {point("cas-0f8fad5b-d9cb-469f-a165-70867728950f", "theirs"), "access-point-elsewhere", Failed},
		"a policy under the prefix":        {policy("cas-admin"), "session-policy-foreign", Warning},
		"policies of a longer prefix":      {policy("CAS-eu-" + someUUID), "session-policy-prefix-overlap", Failed},
		"79 of 100 access points":          {points(79), "", OK},
		"80 of 100 access points":          {points(80), "quota-access-points-near", Warning},
		"89 of 100 access points":          {points(89), "quota-access-points-near", Warning},
		"90 of 100 access points":          {points(90), "quota-access-points-full", Failed},
		"79 of 100 policies":               {func(o *accountSeen) { o.PolicyUse.Value.Policies = 79 }, "", OK},
		"80 of 100 policies":               {func(o *accountSeen) { o.PolicyUse.Value.Policies = 80 }, "quota-policies-near", Warning},
		"90 of 100 policies":               {func(o *accountSeen) { o.PolicyUse.Value.Policies = 90 }, "quota-policies-full", Failed},
		"800 of 1000 versions":             {func(o *accountSeen) { o.PolicyUse.Value.Versions = 800 }, "quota-policy-versions-near", Warning},
		"990 of 1000 versions":             {func(o *accountSeen) { o.PolicyUse.Value.Versions = 990 }, "quota-policy-versions-full", Failed},
		"small policies":                   {func(o *accountSeen) { o.PolicyUse.Value.DocumentQuota = 500 }, "quota-session-policy-size-full", Failed},
	} {
		o := Observation{Installation: in, accountSeen: healthyAccount(in)}
		test.change(&o.accountSeen)
		var found []Finding
		for _, c := range slices.Concat(reachChecks(), accountChecks()) {
			found = append(found, c.result(o).Findings...)
		}
		if codes(found) != test.want || test.want != "" && found[0].Status != test.status {
			t.Errorf("%s: want %s: %+v", name, test.want, found)
		}
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dial tcp: lookup sts.eu-west-1.amazonaws.com: no such host": "endpoint-dns",
		"tls: failed to verify certificate: x509: signed by unknown": "endpoint-tls",
		"proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: refused": "endpoint-proxy",
		"dial tcp 10.0.0.1:443: connect: connection refused":         "endpoint-refused",
		"dial tcp 10.0.0.1:443: i/o timeout":                         "endpoint-timeout",
		"EOF":                                                        "endpoint-unreachable",
	} {
		err := fmt.Errorf("%w: %s", cloud.ErrUnavailable, text)
		o := Observation{Installation: installation(t)}
		o.ClockAhead.Err, o.PolicyUse.Err, o.AccessPoints.Err, o.Policies.Err = err, err, err, err
		found, _ := endpoints(o)
		if codes(found) != want || !strings.Contains(found[0].What, "STS and IAM and S3 Control of AWS") {
			t.Errorf("%s: %+v", text, found)
		}
	}
	o := Observation{Installation: installation(t)}
	o.PolicyUse.Err = cloud.ErrDenied
	if found, err := endpoints(o); len(found) > 0 || err != nil {
		t.Errorf("denied is an answer: %+v, %v", found, err)
	}
	// One service of many.
	o.AccessPoints.Err = fmt.Errorf("%w: i/o timeout", cloud.ErrUnavailable)
	o.Region.Err = fmt.Errorf("%w: no such host", cloud.ErrUnavailable)
	if found, _ := endpoints(o); codes(found) != "endpoint-timeout endpoint-dns" {
		t.Errorf("two causes: %+v", found)
	}
	o.AccessPoints.Err, o.Region.Err = errors.New("x"), nil
	if found, _ := endpoints(o); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}
