package tenancy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// SecretsManager says that the coordinates of organizations are kept in AWS Secrets
// Manager. The zero value says that they are kept elsewhere: then no identity of the
// installation has permissions there.
type SecretsManager struct {
	// Prefix begins the name of every secret; the organization's UUID follows it.
	Prefix string
	// KMSKeyARN is the key that secrets are encrypted with; empty: the account's AWS
	// managed key, which needs no permissions.
	KMSKeyARN string
}

// MaxSecretPrefix is the longest prefix of secret names, in characters: a name has 512
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
const MaxSecretPrefix = 512 - dashedLength

// secretPrefixForm ends where a name ends for people: "cas" would also begin the names
// of somebody else's secrets.
var secretPrefixForm = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+[/-]$`)

// SecretName returns the name of the secret with the organization's coordinates.
func (t Tenant) SecretName() string { return t.in.Secrets.Prefix + t.id.String() }

// SecretARN returns the ARN of that secret without the hyphen and six characters that
// Secrets Manager appends, and finds it by. AWS warns of partial ARNs whose name ends in
// a hyphen and six characters; a UUID ends in twelve. It is better than the name: of a
// secret that does not exist, AWS asks policies about the id as the request has it, and
// a policy on ARNs would deny instead of letting know that there is none.
func (t Tenant) SecretARN() string { return t.in.secretARN(t.SecretName()) }

func (in Installation) secretARN(name string) string {
	return in.arn("secretsmanager", in.Region, in.AccountID, "secret:"+name)
}

// SecretARNPattern matches the secrets of the installation.
func (in Installation) SecretARNPattern() string { return in.secretARN(in.Secrets.Prefix + "*") }

func (in Installation) keepsSecrets() bool { return in.Secrets.Prefix != "" }

// writesCoordinates is what the backend needs to keep coordinates in Secrets Manager.
func (in Installation) writesCoordinates() []iam.Statement {
	if !in.keepsSecrets() {
		return nil
	}
	return in.secretStatements("WriteCoordinates", []string{
		"secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:PutSecretValue",
		"secretsmanager:GetSecretValue", "secretsmanager:DeleteSecret", "secretsmanager:RestoreSecret",
	}, keyActions())
}

// readsCoordinates is what the data path needs of them.
func (in Installation) readsCoordinates() []iam.Statement {
	if !in.keepsSecrets() {
		return nil
	}
	return in.secretStatements("ReadCoordinates", []string{"secretsmanager:GetSecretValue"}, []string{"kms:Decrypt"})
}

func (in Installation) secretStatements(sid string, actions, key []string) []iam.Statement {
	statements := []iam.Statement{{
		Sid: sid, Effect: iam.Allow, Actions: actions, Resources: []string{in.SecretARNPattern()},
	}}
	if in.Secrets.KMSKeyARN == "" {
		return statements
	}
	return append(statements, iam.Statement{
		Sid:       "CoordinatesKey",
		Effect:    iam.Allow,
		Actions:   key,
		Resources: []string{in.Secrets.KMSKeyARN},
		Conditions: []iam.Condition{
			when("StringEquals", "kms:ViaService", in.via("secretsmanager")...),
			when("StringLike", "kms:EncryptionContext:SecretARN", in.SecretARNPattern()),
		},
	})
}

func (in Installation) checkSecrets() error {
	s := in.Secrets
	switch {
	case s == SecretsManager{}:
		return nil
	case len(s.Prefix) > MaxSecretPrefix:
		return fmt.Errorf("prefix of secret names has %d characters, %d are allowed: a name has at most 512, and %d of them are the organization's UUID",
			len(s.Prefix), MaxSecretPrefix, dashedLength)
	case !secretPrefixForm.MatchString(s.Prefix):
		return fmt.Errorf("prefix of secret names %q: use letters, digits and /_+=.@- and end it with / or -, such as managedcas/", s.Prefix)
	case s.KMSKeyARN == "":
		return nil
	case s.KMSKeyARN == in.KMSKeyARN:
		// KeyPolicy denies the workloads any use of it that does not come from S3.
		return errors.New("KMS key of secrets is the bucket's, which serves S3 alone: give another one, or none for the AWS managed key")
	}
	return in.checkKey(s.KMSKeyARN)
}

// overlappingSecrets reports whether the secrets of two installations of one account
// and Region could be each other's.
func overlappingSecrets(a, b Installation) bool {
	return a.keepsSecrets() && b.keepsSecrets() && a.Region == b.Region && nested(a.Secrets.Prefix, b.Secrets.Prefix)
}

// also appends statements to a document.
func also(d *iam.Document, more []iam.Statement) *iam.Document {
	d.Statements = slices.Concat(d.Statements, more)
	return d
}

// via returns the values of kms:ViaService for calls that a service makes. The China
// partition has its own domain; both forms are accepted there.
func (in Installation) via(service string) []string {
	name := strings.Join([]string{service, in.Region, "amazonaws.com"}, ".")
	if in.Partition == "aws-cn" {
		return []string{name, name + ".cn"}
	}
	return []string{name}
}
