package gate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
	"github.com/managedcas/managedcas/internal/iam"
)

// told is what the journal says of one reason.
type told struct {
	Decision  iam.Result
	Resource  string
	Policy    string
	Statement int
	Sid       string
}

// A denial tells of every context: what would have allowed, and what denied, each with
// its resource, policy and statement.
func TestDenialTellsOfAllContexts(t *testing.T) {
	t.Parallel()
	const (
		point, bucket = "arn:aws:s3:eu-west-1:111122223333:accesspoint/a/object/k", "arn:aws:s3:::b/k"
		allowing      = `{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}`
		silent        = `{"Version":"2012-10-17","Statement":[{"Sid":"Others","Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"*"}]}`
		denying       = `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},
			{"Sid":"Never","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}`
	)
	for _, row := range []struct {
		name          string
		point, bucket string
		want          []told
	}{
		{"both allow", allowing, allowing, []told{
			{iam.Allowed, point, "policy of " + point, 0, "Own"},
			{iam.Allowed, bucket, "policy of " + bucket, 0, "Own"},
		}},
		{"the bucket denies", allowing, denying, []told{
			{iam.Allowed, point, "policy of " + point, 0, "Own"},
			{iam.ExplicitlyDenied, bucket, "policy of " + bucket, 1, "Never"},
		}},
		{"the access point denies", denying, allowing, []told{
			{iam.Allowed, bucket, "policy of " + bucket, 0, "Own"},
			{iam.ExplicitlyDenied, point, "policy of " + point, 1, "Never"},
		}},
		{"nothing allows on one side", allowing, silent, []told{
			{iam.Allowed, point, "policy of " + point, 0, "Own"},
			{iam.ImplicitlyDenied, bucket, "", -1, ""},
		}},
		{"one denies, on the other nothing allows", silent, denying, []told{
			{iam.ExplicitlyDenied, bucket, "policy of " + bucket, 1, "Never"},
			{iam.ExplicitlyDenied, point, "", -1, ""},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := identitytest.New(t, identitytest.Config{})
			check := func(resource, policy string) gate.Check {
				doc, err := iam.Parse(iam.KindResource, []byte(policy))
				if err != nil {
					t.Fatal(err)
				}
				return gate.Check{
					Action: "s3:GetObject", Resource: resource, Account: identitytest.ID,
					Policy: &iam.Policy{Name: "policy of " + resource, Document: doc},
				}
			}
			req := &api.Request{Context: iam.Context{}}
			ctx := api.WithRequest(t.Context(), req)
			_ = a.Gate.Authorize(ctx, a.CreateUser(t, "reader"), check(point, row.point), check(bucket, row.bucket))
			var got []told
			for _, d := range req.Decisions {
				for _, r := range d.Because {
					got = append(got, told{d.Result, r.Resource, r.Policy, r.Statement, r.Sid})
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
