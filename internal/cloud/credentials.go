package cloud

import (
	"errors"
	"strings"
)

// ErrNoCredentials: nothing found credentials to call AWS with, so it was not asked.
var ErrNoCredentials = errors.New("no AWS credentials")

// CredentialSource says where a process has its AWS credentials from. It holds no secret.
type CredentialSource struct {
	Provider    string // the SDK's name of what found them, "WebIdentityCredentials"
	AccessKeyID string
}

// The providers that the SDK for Go names so.
const (
	FromEndpoint    = "CredentialsEndpointProvider"
	FromWebIdentity = "WebIdentityCredentials"
	FromInstance    = "EC2RoleProvider"
)

// LongLived reports whether the credentials are an access key that never expires. AWS
// gives those "AKIA" and those of sessions "ASIA" (IAM user guide, unique identifiers).
func (c CredentialSource) LongLived() bool { return strings.HasPrefix(c.AccessKeyID, "AKIA") }

// String says it to a person.
func (c CredentialSource) String() string {
	switch name, _, _ := strings.Cut(c.Provider, ":"); name {
	case FromEndpoint:
		return "a container credentials endpoint (EKS Pod Identity)"
	case FromWebIdentity:
		return "a web identity token (IAM roles for service accounts)"
	case FromInstance:
		return "the instance metadata service (the node's instance profile)"
	case "EnvConfigCredentials":
		return "the environment (AWS_ACCESS_KEY_ID)"
	case "SharedConfigCredentials":
		return "a profile of this machine's AWS configuration"
	case "AssumeRoleProvider":
		return "a profile with role_arn"
	case "SSOProvider":
		return "IAM Identity Center"
	case "ProcessProvider":
		return "a profile with credential_process"
	case "":
		return "an unnamed source"
	}
	return c.Provider
}
