package tenancy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// SessionPolicyMode says where the session policy of an organization's sessions comes
// from. There is one in every mode (DESIGN I2); docs/session-policy-modes.md compares
// them.
type SessionPolicyMode string

// The modes.
const (
	// Managed: a customer-managed policy for each organization, passed by its ARN. An
	// account has 1,500 of them unless it asks for more (facts AWS §5).
	Managed SessionPolicyMode = "managed"
	// Inline: the same document, passed as text.
	Inline SessionPolicyMode = "inline"
	// ABAC: one customer-managed policy for all organizations, passed by its ARN. The
	// session's tag stands for the organization in it.
	ABAC SessionPolicyMode = "abac"
)

// MaxInlinePolicy is how many characters AssumeRole takes as the text of a session
// policy (facts AWS §4.1).
const MaxInlinePolicy = 2048

// sharedPolicySuffix ends the name of the one policy of ABAC. It is no UUID: no
// organization's policy has that name.
const sharedPolicySuffix = "shared"

// PassedPolicy is a session policy as AssumeRole takes it: a managed policy's ARN, or a
// text. Exactly one of them is there.
type PassedPolicy struct{ ARN, Text string }

// Scopes reports whether there is exactly one: with none, a session would have the whole
// base role; of two, either allows what the other does not (facts AWS §3.3).
func (p PassedPolicy) Scopes() bool { return (p.ARN == "") != (p.Text == "") }

// PassedPolicy returns what every session of the organization is minted with. It follows
// from the installation and the id, never from what is stored.
func (t Tenant) PassedPolicy() PassedPolicy {
	switch t.in.SessionPolicyMode {
	case Inline:
		text, err := json.Marshal(t.SessionPolicy())
		if err != nil { // unreachable: New wrote the same document with another id
			return PassedPolicy{}
		}
		return PassedPolicy{Text: string(text)}
	case ABAC:
		return PassedPolicy{ARN: t.in.SharedPolicyARN()}
	default:
		return PassedPolicy{ARN: t.SessionPolicyARN()}
	}
}

// SessionPolicy returns what a session of the organization can do at most, whatever the
// base role and the resource policies allow. It is passed to AssumeRole and never
// attached.
func (t Tenant) SessionPolicy() *iam.Document {
	if t.in.SessionPolicyMode == ABAC {
		return t.in.SharedPolicy()
	}
	return t.in.sessionPolicy(t.APARN(), t.KeyPrefix())
}

// SharedPolicyName returns the name of the policy that all sessions have in the mode ABAC.
func (in Installation) SharedPolicyName() string { return in.SessionPolicyPrefix + sharedPolicySuffix }

// SharedPolicyARN returns its ARN.
func (in Installation) SharedPolicyARN() string { return in.iamARN("policy/" + in.SharedPolicyName()) }

// SharedPolicy returns its document: SessionPolicy with the session's tag in place of the
// organization. A session without the tag can do nothing.
func (in Installation) SharedPolicy() *iam.Document {
	return in.sessionPolicy(in.apARN(in.APPrefix+tagged), tagged+"/")
}

// sessionPolicy is scoped to an access point and a prefix of keys: by their values, or by
// patterns that stand for them.
func (in Installation) sessionPolicy(ap, keyPrefix string) *iam.Document {
	return document(
		iam.Statement{
			Sid:       "OwnArtifacts",
			Effect:    iam.Allow,
			Actions:   objectActions(),
			Resources: []string{ap + "/object/" + keyPrefix + "*"},
		},
		iam.Statement{
			Sid:        "OwnListing",
			Effect:     iam.Allow,
			Actions:    []string{listAction},
			Resources:  []string{ap},
			Conditions: []iam.Condition{when("StringLike", "s3:prefix", keyPrefix+"*")},
		},
		// Without it every PUT and GET of an encrypted object is refused with an error
		// that looks like S3's own (facts AWS §12.12).
		iam.Statement{
			Sid:       "OwnKeyUse",
			Effect:    iam.Allow,
			Actions:   keyActions(),
			Resources: []string{in.KMSKeyARN},
			Conditions: []iam.Condition{
				when("StringEquals", "kms:ViaService", in.viaS3()...),
				when("StringLike", keyContext, in.BucketARN(), in.BucketARN()+"/"+keyPrefix+"*"),
			},
		},
	)
}

// checkSessionPolicyMode refuses a mode that the installation's names do not allow.
func (in Installation) checkSessionPolicyMode() error {
	switch in.SessionPolicyMode {
	case Managed:
		return nil
	case Inline:
		return in.checkInlinePolicy()
	case ABAC:
		if !in.dashedNames() {
			// A pattern of wildcards in place of the UUID would let a session use another
			// organization's access point for its own keys.
			return fmt.Errorf("session policy mode abac with access point prefix %q of %d characters: the session's tag has dashes, and access point names have them only up to %d; choose a shorter prefix, or the mode inline",
				in.APPrefix, len(in.APPrefix), maxAPName-dashedLength)
		}
		return nil
	default:
		return fmt.Errorf("session policy mode %q: want managed, inline or abac", in.SessionPolicyMode)
	}
}

// checkInlinePolicy measures the text of any organization: ids have the same length.
func (in Installation) checkInlinePolicy() error {
	digits, inName := strings.Repeat("0", dashedLength), undashedLength
	if in.dashedNames() {
		inName = dashedLength
	}
	text, err := json.Marshal(in.sessionPolicy(in.apARN(in.APPrefix+digits[:inName]), digits+"/"))
	if err != nil {
		return fmt.Errorf("session policy mode inline: %w", err)
	}
	if n := len(text); n > MaxInlinePolicy {
		return fmt.Errorf("session policy mode inline: with these names a session policy has %d characters, and AssumeRole takes %d; shorten the names of the bucket, the access points or the key, or choose the mode managed or abac", n, MaxInlinePolicy)
	}
	return nil
}
