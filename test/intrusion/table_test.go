package intrusion

// The outcomes: code, reason and text.
const (
	ok = "OK"

	noMember       = "PermissionDenied USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG you are not a member of the organization named: see your organizations with organization list"
	notTheTokens   = "PermissionDenied USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG the token belongs to another organization than the one named: name the token's own organization, or none"
	needsInstance  = "PermissionDenied PERMISSION_DENIED this needs an instance token: ask the operator of the installation"
	adminsOnly     = "PermissionDenied PERMISSION_DENIED this is not for tokens of organizations and pipelines: sign in as a user with the role admin, or use an instance token"
	ownersOnly     = "PermissionDenied PERMISSION_DENIED this is not for tokens of organizations and pipelines: sign in as a user with the role owner, or use an instance token"
	operatorsOnly  = "PermissionDenied PERMISSION_DENIED this is for administrators of the installation: ask its operator"
	notForTokens   = "PermissionDenied PERMISSION_DENIED this is for users, not for tokens: sign in with managedcas auth login"
	notFound       = "NotFound NOT_FOUND not found: see what there is with list"
	noSuchMember   = "NotFound NOT_FOUND the organization has no such member: see organization members"
	noArtifact     = "NotFound NOT_FOUND artifact not found: this organization has no artifact with that digest"
	noUpload       = "NotFound NOT_FOUND upload not found: it was never begun, is over, or has expired: begin it again"
	notInGrant     = "PermissionDenied PERMISSION_DENIED the token does not allow this: ask the control plane for a token for this role and digest"
	noRole         = "InvalidArgument INVALID_ARGUMENT that is not a role: use viewer, contributor, member, admin or owner"
	managedOnly    = "FailedPrecondition FAILED_PRECONDITION the managed storage backend cannot be changed: it can only be made the default again: the operator of the installation takes care of it"
	noProjects     = "Unimplemented UNIMPLEMENTED tokens belong to an organization as a whole: leave the project out"
	noDigest       = "InvalidArgument INVALID_ARGUMENT that is not a digest: use sha256: followed by 64 lowercase hexadecimal digits"
	noMediaType    = "InvalidArgument INVALID_ARGUMENT that is not a media type: send type/subtype, with parameters at most 255 bytes, or none"
	otherContent   = "InvalidArgument INVALID_ARGUMENT the content does not match its digest: nothing was stored; compute the digest of what you send"
	noWorkflow     = "NotFound NOT_FOUND there is no such workflow in the project: attestation init makes it"
	noBackend      = `NotFound NOT_FOUND there is no storage backend "$said": see cas-backend list`
	noRun          = "NotFound NOT_FOUND there is no such workflow run: begin one with attestation init"
	noPolicies     = "NotFound NOT_FOUND this installation has no providers of policies: have the contract name files or URLs"
	noPolicyGroups = "NotFound NOT_FOUND this installation has no providers of policy groups: have the contract name files or URLs"
	noAuthority    = "Unimplemented UNIMPLEMENTED this installation has no certificate authority: sign with a key of your own: attestation push --key KEY"
	noCursor       = "InvalidArgument INVALID_ARGUMENT that is not a cursor: use the next_cursor of the page before"
	noOutcome      = "InvalidArgument INVALID_ARGUMENT that is not an outcome: use ok, denied or failed"
	noOwnBuckets   = "FailedPrecondition FAILED_PRECONDITION this installation takes no own buckets: the operator allows them with cas.ownBuckets"
	noBootstrap    = "PermissionDenied PERMISSION_DENIED that is not a bootstrap token that is good: it is good once, for 24 hours; an operator makes another token with managedcasd token"
	noFederation   = "Unimplemented UNIMPLEMENTED this installation exchanges no tokens of pipelines: its operator allows issuers with controlplane.federation.issuers"
	noContract     = "InvalidArgument INVALID_ARGUMENT not a contract: it is neither JSON nor YAML: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `$said` into attestation.contractDocument: send JSON or YAML with apiVersion chainloop.dev/v1, kind Contract, metadata.name and spec"
	noWatch        = "Unimplemented - method Watch not implemented"
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
	"controlplane.v1.CASBackendService/Update":     {guarded, `name: "chainloop-cloud-storage" description: "ours"`},
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

	"controlplane.v1.CASRedirectService/GetDownloadURL": {guarded, `digest: "sha256:` + hexOfNobody + `"`},

	"controlplane.v1.AttestationService/FindOrCreateWorkflow": {guarded, `workflow_name: "acme-flow" project_name: "acme-project"`},
	"controlplane.v1.AttestationService/GetContract":          {guarded, `workflow_name: "acme-flow" project_name: "acme-project"`},
	"controlplane.v1.AttestationService/Init":                 {guarded, `workflow_name: "acme-flow" project_name: "acme-project"`},
	"controlplane.v1.AttestationService/GetUploadCreds":       {guarded, ``},
	"controlplane.v1.AttestationService/Store":                {guarded, `attestation_bundle: "{}" workflow_run_id: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"`},
	"controlplane.v1.AttestationService/Cancel":               {guarded, `trigger: TRIGGER_TYPE_FAILURE workflow_run_id: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"`},
	"controlplane.v1.AttestationService/GetPolicy":            {guarded, `policy_name: "policy"`},
	"controlplane.v1.AttestationService/GetPolicyGroup":       {guarded, `group_name: "group"`},

	"controlplane.v1.AttestationStateService/Initialized": {guarded, ``},
	"controlplane.v1.AttestationStateService/Read":        {guarded, ``},
	"controlplane.v1.AttestationStateService/Reset":       {guarded, ``},
	"controlplane.v1.AttestationStateService/Save":        {guarded, `attestation_state: {} workflow_run_id: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"`},

	"controlplane.v1.SigningService/GenerateSigningCert": {guarded, ``},
	"controlplane.v1.SigningService/GetTrustedRoot":      {guarded, ``},

	"managedcas.v1.AuditService/Head": {guarded, ``},
	"managedcas.v1.AuditService/List": {guarded, ``},

	"managedcas.v1.OwnBucketService/Describe": {guarded, `bucket: "a-bucket"`},

	"managedcas.v1.LoginService/List":   {guarded, ``},
	"managedcas.v1.LoginService/Revoke": {guarded, `id: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"`},

	"managedcas.v1.BootstrapService/Claim":     {guarded, ``},
	"managedcas.v1.BootstrapService/Redeem":    {open, `name: "operator"`},
	"managedcas.v1.FederationService/Exchange": {open, `organization: "acme"`},

	"managedcas.v1.TrustService/Create":     {guarded, `trust { name: "$new" issuer: "https://ci.example" audience: "acme" subjects: "repo:acme/*" }`},
	"managedcas.v1.TrustService/List":       {guarded, ``},
	"managedcas.v1.TrustService/SetEnabled": {guarded, `enabled: false`},
	"managedcas.v1.TrustService/Delete":     {guarded, ``},

	"grpc.health.v1.Health/Check": {open, ``},
	"grpc.health.v1.Health/List":  {open, ``},
	"grpc.health.v1.Health/Watch": {open, ``},

	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      {open, `list_services: ""`},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {open, `list_services: ""`},

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
	"controlplane.v1.OrganizationService/Update name":                       {names, noMember, adminsOnly, ""},
	"controlplane.v1.OrganizationService/Update policies_allowed_hostnames": {names, "Unimplemented UNIMPLEMENTED organizations have no settings: nothing needs to be changed", adminsOnly, ""},
	"controlplane.v1.OrganizationService/Delete name":                       {names, noMember, ownersOnly, ""},
	"controlplane.v1.OrganizationService/ListMemberships membership_id":     {memberships, ok, ok, ""},
	"controlplane.v1.OrganizationService/ListMemberships name":              {people, ok, ok, ""},
	"controlplane.v1.OrganizationService/ListMemberships email":             {emails, ok, ok, ""},

	"controlplane.v1.CASBackendService/Create location":    {names, noOwnBuckets, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Create provider":    {names, noOwnBuckets, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Create description": {names, noOwnBuckets, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Create credentials": {texts, noOwnBuckets, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Create name":        {names, noOwnBuckets, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Update name":        {backends, noBackend, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Update description": {names, managedOnly, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Update credentials": {texts, managedOnly, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Delete name":        {backends, noBackend, adminsOnly, ""},
	"controlplane.v1.CASBackendService/Revalidate name":    {backends, noBackend, adminsOnly, ""},

	"controlplane.v1.CASCredentialsService/Get digest": {digests, ok, ok, ""},

	"controlplane.v1.APITokenService/Create description":            {names, ok, adminsOnly, ""},
	"controlplane.v1.APITokenService/Create name":                   {tokenNames, ok, adminsOnly, ""},
	"controlplane.v1.APITokenService/Create project_reference.id":   {orgs, noProjects, adminsOnly, ""},
	"controlplane.v1.APITokenService/Create project_reference.name": {names, noProjects, adminsOnly, ""},
	"controlplane.v1.APITokenService/List project.id":               {orgs, ok, adminsOnly, ""},
	"controlplane.v1.APITokenService/List project.name":             {names, ok, adminsOnly, ""},
	"controlplane.v1.APITokenService/Revoke id":                     {tokens, notFound, adminsOnly, ""},

	"managedcas.v1.OrganizationAdminService/List cursor":           {nameCursors, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Describe name":         {names, noMember, "PermissionDenied PERMISSION_DENIED the token belongs to another organization: name the token's own organization, or none", ""},
	"managedcas.v1.OrganizationAdminService/ListDeleted cursor":    {orgs, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Undelete organization": {orgs, operatorsOnly, needsInstance, ""},
	"managedcas.v1.OrganizationAdminService/Undelete name":         {names, operatorsOnly, needsInstance, ""},

	"managedcas.v1.ArtifactService/List cursor":         {cursors, ok, ok, ""},
	"managedcas.v1.ArtifactService/FindMissing digests": {digests, ok, ok, ""},

	"managedcas.v1.MemberService/SetRole membership_id": {memberships, noSuchMember, adminsOnly, ""},
	"managedcas.v1.MemberService/SetRole role":          {names, noRole, adminsOnly, ""},
	"managedcas.v1.MemberService/Remove membership_id":  {memberships, noSuchMember, adminsOnly, ""},

	"managedcas.v1.InvitationService/Create email": {emails, ok, adminsOnly, ""},
	"managedcas.v1.InvitationService/Create role":  {names, noRole, adminsOnly, ""},
	"managedcas.v1.InvitationService/Revoke id":    {invitations, notFound, adminsOnly, ""},
	"managedcas.v1.InvitationService/Accept id":    {invitations, notFound, notForTokens, ""},

	"controlplane.v1.CASRedirectService/GetDownloadURL digest": {digests, ok, ok, ""},

	"controlplane.v1.AttestationService/FindOrCreateWorkflow workflow_name":  {flows, ok, ok, ""},
	"controlplane.v1.AttestationService/FindOrCreateWorkflow project_name":   {projects, ok, ok, ""},
	"controlplane.v1.AttestationService/FindOrCreateWorkflow contract_name":  {flows, ok, ok, ""},
	"controlplane.v1.AttestationService/FindOrCreateWorkflow contract_bytes": {names, noContract, noContract, ""},
	"controlplane.v1.AttestationService/GetContract workflow_name":           {flows, noWorkflow, noWorkflow, ""},
	"controlplane.v1.AttestationService/GetContract project_name":            {projects, noWorkflow, noWorkflow, ""},
	"controlplane.v1.AttestationService/GetPolicy provider":                  {names, noPolicies, noPolicies, ""},
	"controlplane.v1.AttestationService/GetPolicy policy_name":               {names, noPolicies, noPolicies, ""},
	"controlplane.v1.AttestationService/GetPolicy org_name":                  {names, noPolicies, noPolicies, ""},
	"controlplane.v1.AttestationService/GetPolicyGroup provider":             {names, noPolicyGroups, noPolicyGroups, ""},
	"controlplane.v1.AttestationService/GetPolicyGroup group_name":           {names, noPolicyGroups, noPolicyGroups, ""},
	"controlplane.v1.AttestationService/GetPolicyGroup org_name":             {names, noPolicyGroups, noPolicyGroups, ""},
	"controlplane.v1.AttestationService/Init job_url":                        {names, ok, ok, ""},
	"controlplane.v1.AttestationService/Init workflow_name":                  {flows, noWorkflow, noWorkflow, ""},
	"controlplane.v1.AttestationService/Init project_name":                   {projects, noWorkflow, noWorkflow, ""},
	"controlplane.v1.AttestationService/Init project_version":                {names, ok, ok, ""},
	"controlplane.v1.AttestationService/GetUploadCreds workflow_run_id":      {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationService/Store workflow_run_id":               {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationService/Store attestation_bundle":            {digests, noRun, noRun, ""},
	"controlplane.v1.AttestationService/Cancel workflow_run_id":              {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationService/Cancel reason":                       {names, noRun, noRun, ""},

	"controlplane.v1.AttestationStateService/Initialized workflow_run_id": {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationStateService/Read workflow_run_id":        {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationStateService/Reset workflow_run_id":       {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationStateService/Save workflow_run_id":        {runs, noRun, noRun, ""},
	"controlplane.v1.AttestationStateService/Save base_digest":            {digests, noRun, noRun, ""},

	"controlplane.v1.SigningService/GenerateSigningCert certificate_signing_request": {names, noAuthority, noAuthority, ""},

	"managedcas.v1.AuditService/List cursor":        {orgs, noCursor, adminsOnly, ""},
	"managedcas.v1.AuditService/List action_prefix": {names, ok, adminsOnly, ""},
	"managedcas.v1.AuditService/List subject":       {emails, ok, adminsOnly, ""},
	"managedcas.v1.AuditService/List outcome":       {names, noOutcome, adminsOnly, ""},

	"managedcas.v1.OwnBucketService/Describe bucket": {names, noOwnBuckets, adminsOnly, ""},

	"managedcas.v1.LoginService/Revoke id": {logins, notFound, notForTokens, ""},

	"managedcas.v1.BootstrapService/Claim token":            {texts, noBootstrap, notForTokens, ""},
	"managedcas.v1.BootstrapService/Redeem token":           {texts, noBootstrap, noBootstrap, ""},
	"managedcas.v1.BootstrapService/Redeem name":            {names, noBootstrap, noBootstrap, ""},
	"managedcas.v1.FederationService/Exchange organization": {names, noFederation, noFederation, ""},
	"managedcas.v1.FederationService/Exchange token":        {texts, noFederation, noFederation, ""},

	"managedcas.v1.TrustService/Create trust.id":         {trusts, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.name":       {names, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.issuer":     {names, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.audience":   {names, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.subjects":   {names, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.claims":     {names, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/Create trust.created_by": {emails, noFederation, adminsOnly, ""},
	"managedcas.v1.TrustService/SetEnabled id":           {trusts, notFound, adminsOnly, ""},
	"managedcas.v1.TrustService/Delete id":               {trusts, notFound, adminsOnly, ""},

	"grpc.health.v1.Health/Check service":                                                                     {names, ok, ok, ""},
	"grpc.health.v1.Health/Watch service":                                                                     {names, noWatch, noWatch, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo host":                                           {names, ok, ok, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo file_by_filename":                               {names, ok, ok, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo file_containing_symbol":                         {names, ok, ok, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo file_containing_extension.containing_type":      {names, ok, ok, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo all_extension_numbers_of_type":                  {names, ok, ok, ""},
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo list_services":                                  {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo host":                                      {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo file_by_filename":                          {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo file_containing_symbol":                    {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo file_containing_extension.containing_type": {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo all_extension_numbers_of_type":             {names, ok, ok, ""},
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo list_services":                             {names, ok, ok, ""},

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
