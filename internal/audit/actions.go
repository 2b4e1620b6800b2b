package audit

import "strings"

// The actions. Each is an object and what was done to it; docs/audit.md says what their
// records have.
const (
	OrganizationCreate   = "organization.create"
	OrganizationDelete   = "organization.delete" // asked for
	OrganizationUndelete = "organization.undelete"
	OrganizationState    = "organization.state" // as it turned out: ready, degraded, deleted
	OrganizationPurge    = "organization.purge"

	BackendCreate   = "backend.create"
	BackendUpdate   = "backend.update"
	BackendDefault  = "backend.default" // by itself, in place of one that is gone or not valid
	BackendValidate = "backend.validate"
	BackendDelete   = "backend.delete"

	TokenCreate = "token.create"
	TokenRevoke = "token.revoke"

	MemberAdd    = "member.add"
	MemberChange = "member.change"
	MemberRemove = "member.remove"

	InvitationCreate = "invitation.create"
	InvitationRevoke = "invitation.revoke"
	InvitationAccept = "invitation.accept"

	LoginCreate = "login.create"
	LoginRevoke = "login.revoke"
	UserAdmin   = "user.admin" // is an administrator of the installation, or no longer
	KeyCreate   = "key.create" // that signs tokens
	KeyRevoke   = "key.revoke" // what it signed counts for nothing

	TrustCreate  = "trust.create"
	TrustEnable  = "trust.enable"
	TrustDisable = "trust.disable"
	TrustDelete  = "trust.delete"
	TrustUse     = "trust.use" // a pipeline got a token by it, or came for one in vain

	BootstrapCreate = "bootstrap.create" // the token of a first start was printed
	BootstrapUse    = "bootstrap.use"

	ContractCreate = "contract.create" // or another revision of one
	WorkflowCreate = "workflow.create"
	RunCreate      = "run.create"
	RunFinish      = "run.finish" // with a bundle, or without

	ArtifactUpload   = "artifact.upload"
	ArtifactDownload = "artifact.download"
	ArtifactDescribe = "artifact.describe" // recorded when it is denied
	ArtifactCancel   = "artifact.cancel"   // of an unfinished upload
	ArtifactSign     = "artifact.sign"     // a request for S3 itself was issued
	ArtifactConfirm  = "artifact.confirm"  // and what it stored was found

	Call = "call" // of the control plane, recorded when it is denied
)

// OfLife reports whether the event is one of an organization's life, which the
// installation's chain has as well.
func (e Event) OfLife() bool { return strings.HasPrefix(e.Action, "organization.") }

// The names of details that several actions have.
const (
	DetailName  = "name"
	DetailCount = "count" // of like events that share a record
	DetailSince = "since" // when the first of them was
)
