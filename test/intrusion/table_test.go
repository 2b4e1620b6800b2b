package intrusion

// The outcomes: code, reason and text.
const (
	ok = "OK"

	noMember      = "PermissionDenied USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG you are not a member of the organization named: see your organizations with organization list"
	notTheTokens  = "PermissionDenied USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG the token belongs to another organization than the one named: name the token's own organization, or none"
	needsInstance = "PermissionDenied PERMISSION_DENIED this needs an instance token: ask the operator of the installation"
	operatorsOnly = "PermissionDenied PERMISSION_DENIED this is for administrators of the installation: ask its operator"
	notForTokens  = "PermissionDenied PERMISSION_DENIED this is for users, not for tokens: sign in with managedcas auth login"
	notFound      = "NotFound NOT_FOUND not found: see what there is with list"
	noSuchMember  = "NotFound NOT_FOUND the organization has no such member: see organization members"
	noArtifact    = "NotFound NOT_FOUND artifact not found: this organization has no artifact with that digest"
	noUpload      = "NotFound NOT_FOUND upload not found: it was never begun, is over, or has expired: begin it again"
	notInGrant    = "PermissionDenied PERMISSION_DENIED the token does not allow this: ask the control plane for a token for this role and digest"
	noRole        = "InvalidArgument INVALID_ARGUMENT that is not a role: use viewer, contributor, member, admin or owner"
	managedOnly   = "Unimplemented UNIMPLEMENTED storage backends are managed by the installation: the one that every organization has is kept in order without help"
	noProjects    = "Unimplemented UNIMPLEMENTED tokens belong to an organization as a whole: leave the project out"
	noDigest      = "InvalidArgument INVALID_ARGUMENT that is not a digest: use sha256: followed by 64 lowercase hexadecimal digits"
	noMediaType   = "InvalidArgument INVALID_ARGUMENT that is not a media type: send type/subtype, with parameters at most 255 bytes, or none"
	otherContent  = "InvalidArgument INVALID_ARGUMENT the content does not match its digest: nothing was stored; compute the digest of what you send"
)

// hexOfNobody is the digest of nothing that anybody has.
const hexOfNobody = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// methods has a line for every method of the control plane and of the CAS.
var methods = map[string]method{
	"controlplane.v1.StatusService/Infoz":   {open, ``},
	"controlplane.v1.StatusService/Statusz": {open, ``},

	"controlplane.v1.ContextService/Current":           {guarded, ``},
	"controlplane.v1.UserService/ListMemberships":      {guarded, ``},
	"controlplane.v1.UserService/SetCurrentMembership": {guarded, ``},

	"controlplane.v1.OrganizationService/Create":          {guarded, `name: "$new"`},
	"controlplane.v1.OrganizationService/Update":          {guarded, `name: "acme"`},
	"controlplane.v1.OrganizationService/Delete":          {guarded, ``},
	"controlplane.v1.OrganizationService/ListMemberships": {guarded, ``},

	"controlplane.v1.CASBackendService/List":       {guarded, ``},
	"controlplane.v1.CASBackendService/Create":     {guarded, `name: "$new" location: "bucket" provider: "AWS-S3"`},
	"controlplane.v1.CASBackendService/Update":     {guarded, `name: "managed-cas" description: "ours"`},
	"controlplane.v1.CASBackendService/Delete":     {guarded, ``},
	"controlplane.v1.CASBackendService/Revalidate": {guarded, ``},

	"controlplane.v1.CASCredentialsService/Get": {guarded, `role: ROLE_DOWNLOADER`},

	"controlplane.v1.APITokenService/Create": {guarded, `name: "$new"`},
	"controlplane.v1.APITokenService/List":   {guarded, `status_filter: STATUS_FILTER_ALL`},
	"controlplane.v1.APITokenService/Revoke": {guarded, ``},

	"managedcas.v1.OrganizationAdminService/List":        {guarded, ``},
	"managedcas.v1.OrganizationAdminService/Describe":    {guarded, ``},
	"managedcas.v1.OrganizationAdminService/ListDeleted": {guarded, ``},
	"managedcas.v1.OrganizationAdminService/Undelete":    {guarded, `organization: "formerly-acme"`},

	"managedcas.v1.ArtifactService/List":        {guarded, ``},
	"managedcas.v1.ArtifactService/FindMissing": {guarded, ``},

	"managedcas.v1.MemberService/SetRole": {guarded, `role: "viewer"`},
	"managedcas.v1.MemberService/Remove":  {guarded, ``},
	"managedcas.v1.MemberService/Leave":   {guarded, ``},

	"managedcas.v1.InvitationService/Create":   {guarded, `email: "new@example.com" role: "viewer"`},
	"managedcas.v1.InvitationService/List":     {guarded, ``},
	"managedcas.v1.InvitationService/Revoke":   {guarded, ``},
	"managedcas.v1.InvitationService/ListMine": {guarded, ``},
	"managedcas.v1.InvitationService/Accept":   {guarded, ``},

	"cas.v1.StatusService/Infoz":      {open, ``},
	"cas.v1.StatusService/Statusz":    {open, ``},
	"cas.v1.ResourceService/Describe": {deaf, ``},

	"google.bytestream.ByteStream/Read":             {deaf, ``},
	"google.bytestream.ByteStream/Write":            {deaf, `data: "not theirs" finish_write: true resource_name: "` + hexOfNobody + `"`},
	"google.bytestream.ByteStream/QueryWriteStatus": {deaf, ``},

	"managedcas.v1.DirectTransferService/Presign": {deaf, `operation: OPERATION_UPLOAD size: 5 digest: "` + hexOfNobody + `"`},
	"managedcas.v1.DirectTransferService/Confirm": {deaf, ``},
}

// fields has a line for every field that can hold text.
var fields = map[string]field{
	"controlplane.v1.UserService/SetCurrentMembership membership_id": {memberships, "NotFound NOT_FOUND you have no such membership: see organization list", notForTokens, ""},

	"controlplane.v1.OrganizationService/Create name":                       {names, "AlreadyExists ALREADY_EXISTS the name is taken: choose another name", needsInstance, "names of organizations are unique in an installation"},
	"controlplane.v1.OrganizationService/Update name":                       {names, noMember, needsInstance, ""},
	"controlplane.v1.OrganizationService/Update policies_allowed_hostnames": {names, "Unimplemented UNIMPLEMENTED organizations have no settings: nothing needs to be changed", needsInstance, ""},
	"controlplane.v1.OrganizationService/Delete name":                       {names, noMember, needsInstance, ""},
	"controlplane.v1.OrganizationService/ListMemberships membership_id":     {memberships, ok, ok, ""},
	"controlplane.v1.OrganizationService/ListMemberships name":              {people, ok, ok, ""},
	"controlplane.v1.OrganizationService/ListMemberships email":             {emails, ok, ok, ""},

	"controlplane.v1.CASBackendService/Create location":    {names, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Create provider":    {names, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Create description": {names, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Create credentials": {texts, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Create name":        {names, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Update name":        {backends, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Update description": {names, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Update credentials": {texts, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Delete name":        {backends, managedOnly, needsInstance, ""},
	"controlplane.v1.CASBackendService/Revalidate name":    {backends, managedOnly, needsInstance, ""},

	"controlplane.v1.CASCredentialsService/Get digest": {digests, ok, ok, ""},

	"controlplane.v1.APITokenService/Create description":            {names, ok, needsInstance, ""},
	"controlplane.v1.APITokenService/Create name":                   {tokenNames, ok, needsInstance, ""},
	"controlplane.v1.APITokenService/Create project_reference.id":   {orgs, noProjects, needsInstance, ""},
	"controlplane.v1.APITokenService/Create project_reference.name": {names, noProjects, needsInstance, ""},
	"controlplane.v1.APITokenService/List project.id":               {orgs, ok, needsInstance, ""},
	"controlplane.v1.APITokenService/List project.name":             {names, ok, needsInstance, ""},
	"controlplane.v1.APITokenService/Revoke id":                     {tokens, notFound, needsInstance, ""},

	"managedcas.v1.OrganizationAdminService/List cursor":           {nameCursors, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Describe name":         {names, noMember, "PermissionDenied PERMISSION_DENIED the token belongs to another organization: name the token's own organization, or none", ""},
	"managedcas.v1.OrganizationAdminService/ListDeleted cursor":    {orgs, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Undelete organization": {orgs, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Undelete name":         {names, operatorsOnly, needsInstance, ""},

	"managedcas.v1.ArtifactService/List cursor":         {cursors, ok, ok, ""},
	"managedcas.v1.ArtifactService/FindMissing digests": {digests, ok, ok, ""},

	"managedcas.v1.MemberService/SetRole membership_id": {memberships, noSuchMember, needsInstance, ""},
	"managedcas.v1.MemberService/SetRole role":          {names, noRole, needsInstance, ""},
	"managedcas.v1.MemberService/Remove membership_id":  {memberships, noSuchMember, needsInstance, ""},

	"managedcas.v1.InvitationService/Create email": {emails, ok, needsInstance, ""},
	"managedcas.v1.InvitationService/Create role":  {names, noRole, needsInstance, ""},
	"managedcas.v1.InvitationService/Revoke id":    {invitations, notFound, needsInstance, ""},
	"managedcas.v1.InvitationService/Accept id":    {invitations, notFound, notForTokens, ""},

	"cas.v1.ResourceService/Describe digest": {hexes, noArtifact, noArtifact, ""},

	"google.bytestream.ByteStream/Read resource_name":             {hexes, notInGrant, noArtifact, ""},
	"google.bytestream.ByteStream/Write resource_name":            {hexes, otherContent, notInGrant, ""},
	"google.bytestream.ByteStream/Write data":                     {names, otherContent, notInGrant, ""},
	"google.bytestream.ByteStream/QueryWriteStatus resource_name": {hexes, noUpload, notInGrant, ""},

	"managedcas.v1.DirectTransferService/Presign digest":     {hexes, ok, notInGrant, ""},
	"managedcas.v1.DirectTransferService/Presign file_name":  {files, ok, notInGrant, ""},
	"managedcas.v1.DirectTransferService/Presign media_type": {names, noMediaType, notInGrant, ""},
	"managedcas.v1.DirectTransferService/Confirm digest":     {hexes, noArtifact, notInGrant, ""},
}
