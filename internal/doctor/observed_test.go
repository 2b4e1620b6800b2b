package doctor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// installation has a cas identity of its own, an operator, and dashed names.
func installation(t testing.TB) tenancy.Installation {
	t.Helper()
	return valid(t, tenancy.Installation{
		AccountID: "111122223333", Region: "eu-west-1", BucketName: "artifacts",
		KMSKeyARN: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		APPrefix:  "cas-", BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
		OperatorARNs: []string{"arn:aws:iam::111122223333:role/platform/operator"},
	})
}

// installations are those whose documents differ.
func installations(t testing.TB) map[string]tenancy.Installation {
	t.Helper()
	long, purging, loopback, without := installation(t), installation(t), installation(t), installation(t)
	long.APPrefix = "chainloop-prod-"
	purging.PurgeRoleName = "purge"
	loopback.Loopback, loopback.OperatorARNs = true, []string{loopback.RootARN()}
	without.OperatorARNs, without.CASRoleName = nil, ""
	china := installation(t)
	china.Partition, china.Region = "", "cn-north-1"
	china.KMSKeyARN = "arn:aws-cn:kms:cn-north-1:111122223333:key/11111111-2222-3333-4444-555555555555"
	china.OperatorARNs = nil
	return map[string]tenancy.Installation{
		"plain": installation(t), "long prefix": valid(t, long), "purging": valid(t, purging),
		"loopback": valid(t, loopback), "without operators": valid(t, without), "China": valid(t, china),
	}
}

func valid(t testing.TB, in tenancy.Installation) tenancy.Installation {
	t.Helper()
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func text(t testing.TB, d *iam.Document) []byte {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// healthyBucket is section 1 of the guide, done as it is written.
func healthyBucket(t testing.TB, in tenancy.Installation) bucketSeen {
	t.Helper()
	return bucketSeen{
		Region:       seen(in.Region, nil),
		Owned:        seen(true, nil),
		Block:        seen(cloud.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}, nil),
		Ownership:    seen(cloud.BucketOwnerEnforced, nil),
		Encryption:   seen(cloud.Encryption{Algorithm: "aws:kms", KeyARN: in.KMSKeyARN, BucketKey: true, BlocksSSEC: true}, nil),
		Lifecycle:    seen([]cloud.LifecycleRule{{ID: "uploads", Enabled: true, UploadDays: 7, Text: []byte(`{"ID":"uploads"}`)}}, nil),
		BucketPolicy: seen(text(t, in.BucketPolicy()), nil),
	}
}

// look returns the findings of some checks, which must be complete, in their order.
func look(t testing.TB, o Observation, checks []check) []Finding {
	t.Helper()
	var found []Finding
	for _, c := range checks {
		for _, f := range c.result(o).Findings {
			found = append(found, f)
			if f.What == "" || f.Evidence == "" || f.Consequence == "" || f.Fix.Text == "" || f.Status != Failed && f.Status != Warning {
				t.Errorf("%s lacks something: %+v", f.Code, f)
			}
			for _, command := range f.Fix.Commands {
				if strings.ContainsAny(command, "\n<>") {
					t.Errorf("%s: not one complete command: %s", f.Code, command)
				}
			}
		}
	}
	return found
}

// codes of findings, in their order.
func codes(found []Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, f.Code)
	}
	return strings.Join(all, " ")
}

// statement is a change of the statement with a Sid.
func statement(sid string, change func(*iam.Statement)) func(*iam.Document) *iam.Document {
	return func(d *iam.Document) *iam.Document {
		return edited(d, func(_ int, st *iam.Statement) {
			if st.Sid == sid {
				change(st)
			}
		})
	}
}

func dropped(sids ...string) func(*iam.Document) *iam.Document {
	return func(d *iam.Document) *iam.Document {
		return without(d, func(_ int, st iam.Statement) bool { return slices.Contains(sids, st.Sid) })
	}
}

func added(statements ...iam.Statement) func(*iam.Document) *iam.Document {
	return func(d *iam.Document) *iam.Document {
		return &iam.Document{Version: d.Version, Statements: slices.Concat(d.Statements, statements)}
	}
}

// replaced writes the whole document with another text in place of one.
func replaced(t testing.TB, pairs ...string) func(*iam.Document) *iam.Document {
	return func(d *iam.Document) *iam.Document {
		t.Helper()
		before := string(text(t, d))
		after := strings.NewReplacer(pairs...).Replace(before)
		if before == after {
			t.Fatalf("%q is not in the document", pairs)
		}
		changed, err := iam.Parse(iam.KindResource, []byte(after))
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
}
