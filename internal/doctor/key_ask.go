package doctor

import (
	"fmt"
	"maps"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// keyAsk is a request to KMS. The key's own policy must allow (facts AWS §6.2).
type keyAsk struct {
	by     asker
	action string
	via    string // host of the AWS service that asks on behalf of the asker; empty: none
	of     string // encryption context of S3: the ARN of an object or bucket
}

func (a keyAsk) decide(in tenancy.Installation, policy *iam.Document, more iam.Context) iam.Decision {
	c := a.by.context(in)
	if a.by.account != "" {
		c.Set("kms:CallerAccount", a.by.account)
	}
	if a.via != "" {
		c.Set("kms:ViaService", a.via)
		c.Set("aws:ViaAWSService", "true")
	}
	if a.of != "" {
		c.Set("kms:EncryptionContext:aws:s3:arn", a.of)
		c.Set("kms:EncryptionContextKeys", "aws:s3:arn")
	}
	maps.Copy(c, more)
	return iam.Evaluate(iam.Request{
		Principal:     a.by.principal,
		PrincipalRole: a.by.role,
		Action:        a.action,
		Resource:      in.KMSKeyARN,
		Account:       in.AccountID,
		Context:       c,
	}, iam.PolicySet{
		Identity:        a.by.identity,
		Session:         a.by.session,
		SessionPassed:   a.by.limited,
		Resource:        &iam.Policy{Name: "policy of the KMS key", Document: policy},
		RequireResource: true,
	})
}

func (a keyAsk) describe() string {
	way := "of KMS itself"
	if a.via != "" {
		way = "through " + a.via
	}
	if a.of != "" {
		way += " for " + a.of
	}
	return fmt.Sprintf("%s by %s, %s", a.action, a.by.name, way)
}

// serviceHost is the value of kms:ViaService for calls of a service (facts AWS §6.2). For
// China documentation has two; the documents of package tenancy take both.
func serviceHost(in tenancy.Installation, service string) string {
	return service + "." + in.Region + ".amazonaws.com"
}

// cryptography is what gives the content of an artifact away, or destroys it.
func cryptography() []string {
	return []string{
		"kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext",
		"kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant",
	}
}

func keyAsks(by asker, via, of string, actions ...string) []ask {
	var asks []ask
	for _, action := range actions {
		asks = append(asks, keyAsk{by: by, action: action, via: via, of: of})
	}
	return asks
}
