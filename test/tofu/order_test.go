package tofu

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What has to exist, or to be said, before something else does so; and changes of the bucket
// that must not meet follow each other.
func TestOrder(t *testing.T) {
	t.Parallel()
	m := load(t, root)
	const bucket = "aws_s3_bucket_"
	for _, row := range [][2]string{
		{"aws_iam_role.base", "aws_iam_role.workload"},
		{"aws_iam_role.purge", "aws_iam_role.workload"},
		{"aws_kms_key_policy.artifacts", "aws_iam_role.base"},
		{"aws_kms_key_policy.artifacts", "aws_iam_role.workload"},
		{"aws_eks_pod_identity_association.workload", "aws_iam_role_policy.workload"},
		{bucket + "ownership_controls.artifacts", bucket + "public_access_block.artifacts"},
		{bucket + "server_side_encryption_configuration.artifacts", bucket + "ownership_controls.artifacts"},
		{bucket + "versioning.artifacts", bucket + "server_side_encryption_configuration.artifacts"},
		{bucket + "lifecycle_configuration.artifacts", bucket + "versioning.artifacts"},
		{bucket + "lifecycle_configuration.artifacts", bucket + "server_side_encryption_configuration.artifacts"},
		{bucket + "policy.artifacts", bucket + "lifecycle_configuration.artifacts"},
	} {
		if !m.before(row[0])[row[1]] {
			t.Errorf("%s may come before %s", row[0], row[1])
		}
	}
}

// before are the addresses that a resource waits for, by itself or through others.
func (m *module) before(address string) map[string]bool {
	found := map[string]bool{}
	var wait func(body *hclsyntax.Body)
	var waitFor func(expression hclsyntax.Expression)
	waitFor = func(expression hclsyntax.Expression) {
		for _, traversal := range expression.Variables() {
			next := addressOf(traversal)
			if found[next] {
				continue
			}
			found[next] = true
			if local, ok := strings.CutPrefix(next, "local."); ok && m.locals[local] != nil {
				waitFor(m.locals[local])
			}
			if call, ok := strings.CutPrefix(next, "module."); ok && m.calls[call] != nil {
				wait(m.calls[call])
			}
			if body := m.resources[next]; body != nil {
				wait(body)
			}
		}
	}
	wait = func(body *hclsyntax.Body) {
		for _, attribute := range body.Attributes {
			waitFor(attribute.Expr)
		}
		for _, block := range body.Blocks {
			wait(block.Body)
		}
	}
	wait(m.resources[address])
	return found
}
