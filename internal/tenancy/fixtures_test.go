package tenancy_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	acme       = "0f8fad5b-d9cb-469f-a165-70867728950e"
	baseRoleID = "AROAEXAMPLE0BASE0ROLE"
)

// example has a prefix that is short enough for dashed names.
func example() tenancy.Installation {
	return tenancy.Installation{
		AccountID:            "111122223333",
		Region:               "eu-west-1",
		BucketName:           "chainloop-artifacts",
		KMSKeyARN:            "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		APPrefix:             "chainloop-",
		BaseRoleName:         "chainloop-tenant",
		SessionPolicyPrefix:  "cas-",
		BackendRoleName:      "chainloop-backend",
		ControlplaneRoleName: "chainloop-controlplane",
		OperatorARNs:         []string{"arn:aws:iam::111122223333:role/platform/operator"},
	}
}

// longPrefix is the operator's guide's own example, which needs undashed names, with a
// cas identity of its own.
func longPrefix() tenancy.Installation {
	in := example()
	in.APPrefix = "chainloop-prod-"
	in.CASRoleName = "chainloop-cas"
	in.OperatorARNs = nil
	return in
}

func loopback() tenancy.Installation {
	in := example()
	in.Loopback = true
	in.OperatorARNs = []string{"arn:aws:iam::111122223333:root"}
	return in
}

func mustNew(t testing.TB, in tenancy.Installation) tenancy.Installation {
	t.Helper()
	valid, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return valid
}

func mustID(t testing.TB, text string) org.ID {
	t.Helper()
	id, err := org.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
