package doctor

import (
	"encoding/json"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// inlinePolicy is the name of the permission policy that managedcasd provision owns in each
// role.
const inlinePolicy = "managedcas"

// quoted is a word of a shell's command line.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// plain are the characters that a shell leaves alone wherever they stand in a word.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

// word is a name that was read from AWS, as a word of a shell's command line: the path in the
// ARN of a policy may have any printable character, "$(" and ";" among them (IAM API
// Reference, CreatePolicy).
func word(name string) string {
	if name != "" && strings.Trim(name, plain) == "" {
		return name
	}
	return quoted(name)
}

// compact is a document on one line. It cannot fail: tests of package tenancy write each.
func compact(d *iam.Document) json.RawMessage {
	text, err := json.Marshal(d)
	if err != nil {
		return nil
	}
	return text
}

// putting is a fix that replaces one document.
func putting(text string, d *iam.Document, command ...string) Fix {
	document := compact(d)
	return Fix{Text: text, Commands: []string{strings.Join(command, " ") + " " + quoted(string(document))}, Document: document}
}

func putBucketPolicy(in tenancy.Installation) Fix {
	return putting("put the bucket policy of this installation", in.BucketPolicy(),
		"aws s3api put-bucket-policy --bucket", in.BucketName, "--policy")
}

func putKeyPolicy(in tenancy.Installation) Fix {
	return putting("put the key policy of this installation", in.KeyPolicy(),
		"aws kms put-key-policy --key-id", in.KMSKeyARN, "--policy-name default --policy")
}

func putBaseRoleTrust(in tenancy.Installation) Fix {
	return putting("put the trust policy of the base role", in.BaseRoleTrust(),
		"aws iam update-assume-role-policy --role-name", in.BaseRoleName, "--policy-document")
}

func putPermissions(role string, permissions *iam.Document) Fix {
	return putting("put the permissions of role "+role, permissions,
		"aws iam put-role-policy --role-name", role, "--policy-name", inlinePolicy, "--policy-document")
}
