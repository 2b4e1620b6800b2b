package tenancy_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/tenancy"
)

// placeholders is an installation whose names are those of the operator's guide. It
// cannot come from New, and is only written out.
func placeholders(apPrefix string) tenancy.Installation {
	return tenancy.Installation{
		Partition:            "aws",
		AccountID:            "[accountId]",
		Region:               "[region]",
		BucketName:           "[bucketName]",
		KMSKeyARN:            "[kmsKeyArn]",
		APPrefix:             apPrefix,
		BaseRoleName:         "[baseRoleName]",
		SessionPolicyPrefix:  "[sessionPolicyPrefix]",
		BackendRoleName:      "[backendRoleName]",
		ControlplaneRoleName: "[controlplaneRoleName]",
		CASRoleName:          "[casRoleName]",
		OperatorARNs:         []string{"[operatorArn]"},
	}
}

// The files in deploy/policies are what this package renders.
func TestGenerated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "deploy", "policies")
	in := placeholders("[apPrefix]")
	documents := append(in.Documents(), in.TenantDocuments(mustID(t, acme), "[baseRoleId]")...)

	// From 15 characters on the names of access points are undashed, which only the
	// base role's permissions show.
	long := placeholders("[long--apPrefix]")
	for _, d := range long.Documents() {
		if d.Name == "base-role-permissions" {
			d.Name += "-undashed"
			documents = append(documents, d)
		}
	}
	// What the workloads have besides where organizations may bring their own buckets.
	own := placeholders("[apPrefix]")
	own.OwnBucketRoles = []string{"[customerRoleArn]", "arn:aws:iam::*:role/[customerRolePattern]"}
	for _, d := range own.Documents() {
		if d.Name == "controlplane-permissions" || d.Name == "cas-permissions" {
			d.Name += "-own-buckets"
			documents = append(documents, d)
		}
	}
	for _, d := range documents {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(acme), []byte("[orgId]"))
		text = bytes.ReplaceAll(text, []byte("[long--apPrefix]"), []byte("[apPrefix]"))
		compare(t, filepath.Join(dir, d.Name+".json"), text)
	}
}
