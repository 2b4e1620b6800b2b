package tenancy

// Sentences about statements that several roles have.
const (
	becomesOneExplained  = "Allows assuming the base role. Which organization the session is for, the base role's trust policy makes it say."
	noDataExplained      = "Stops the workload itself at every object of every bucket, whatever is attached to its role later. Sessions of the base role are another principal, which it does not touch."
	neverManageExplained = "Stops it from managing access points, bucket policies and all of IAM, whatever is attached to its role later."
	customerExplained    = "Only with own buckets. Allows assuming the roles of customers that the operator's patterns name, with an external id alone."
	elsewhereExplained   = "Only with own buckets, for patterns with `*` for the account. The same, but not in the installation's own account."
	tagCustomerExplained = "Only with own buckets. Allows the session tags of EKS Pod Identity, which are transitive, to go along; without it they would keep the workload out."
	secretKeyExplained   = "Only with AWS Secrets Manager and a KMS key of one's own for it. Allows the use of that key through Secrets Manager."
)

// roleExplanations explains the trust and the permissions of roles.
func roleExplanations() map[string]Explanation {
	return map[string]Explanation{
		"base-role-trust": {
			Title: "The trust policy of the base role",
			Place: "trust policy of the base role; `provision` and the OpenTofu module put it there",
			Purpose: "It allows the workload identities to assume the tenant role, including `sts:TagSession`: every assume call is tagged with the organization. " +
				"A missing `sts:TagSession` is the first of the two failures that the guide warns of.",
			Statements: map[string]string{
				"AssumeAsOneOrganization": "Lets the workloads assume the role only under the session name `cas-` and the UUID that the session tag `org` carries: access point policies compare the name, and permissions use the tag, so both mean the same organization.",
				"TagWithOrganization":     "Lets them set the tag `org`, in the form of a UUID, and hand on the six tags that EKS Pod Identity sets by itself, which are transitive. Any other tag is refused.",
			},
		},
		"base-role-permissions": {
			Title: "The permissions of the base role",
			Place: "inline policy `managedcas` of the base role; `provision` and the OpenTofu module put it there",
			Purpose: "What a session can do at most, even if no session policy were passed. The tag `org` of the session stands for the organization; a session without it can do nothing. " +
				"For access point prefixes of 15 to 18 characters, whose access points have the UUID without dashes, the name is given by its length.",
			Statements: map[string]string{
				"OwnArtifacts":    "Allows reading and writing under the organization's prefix through its access point. There is no deletion among it.",
				"OwnListing":      "Allows listing that prefix.",
				"KeyUseThroughS3": "Allows the key's use through S3, for this bucket.",
			},
		},
		"workload-trust-pod-identity": {
			Title:   "The trust policy of workload roles, for EKS Pod Identity",
			Place:   "trust policy of the workload roles; `provision` and the OpenTofu module put it there unless they are told of IRSA",
			Purpose: "Which pods get the role is decided by the associations of the cluster, one for each namespace and service account.",
			Statements: map[string]string{
				"PodIdentity": "Lets the EKS Pod Identity service of this account give the role to pods, with session tags or without.",
			},
		},
		"workload-trust-irsa": {
			Title:   "The trust policy of workload roles, for IRSA",
			Place:   "trust policy of a workload role; `provision --workload-identity irsa` and the OpenTofu module put it there",
			Purpose: "Each role trusts its own service accounts of one cluster, by the tokens that its OIDC provider signs.",
			Statements: map[string]string{
				"ServiceAccount": "Lets the named service accounts assume the role, with a token that is meant for STS. There are no wildcards: other pods of the cluster are kept out.",
			},
		},
		"backend-permissions": {
			Title: "The permissions of the backend",
			Place: "inline policy `managedcas` of the backend's role; `provision` and the OpenTofu module put it there",
			Purpose: "The backend makes and removes access points and session policies under the installation's prefixes, and assumes the base role for its probes. " +
				"AWS has no condition for which bucket an access point is made on, nor for what a managed policy says: both are harmless because it can attach nothing and reaches no object.",
			Statements: map[string]string{
				"AccessPointLifecycle":      "Allows making, changing and deleting access points whose names begin with the installation's prefix.",
				"AccessPointReads":          "Allows looking at access points in this Region. These two actions know no resource: AWS denies them where an access point is named.",
				"SessionPolicyLifecycle":    "In the mode `managed`. Allows making, changing and deleting managed policies whose names begin with the session policy prefix.",
				"SharedSessionPolicy":       "In the mode `abac`. Allows making and changing the one policy of all organizations.",
				"SupersededSessionPolicies": "In the modes `inline` and `abac`. Allows reading and deleting what the mode `managed` has left behind.",
				"PolicyListingAndQuota":     "Allows listing managed policies and reading how many the account may have. AWS cannot narrow either.",
				"ReadBaseRole":              "Allows reading the base role, whose unique id is part of every access point policy.",
				"CheckKey":                  "Allows looking at the key's state.",
				"ReadRoles":                 "Allows reading the installation's own roles, their trust and their permissions: the base role's unique id is part of every access point policy, and `managedcasd doctor` tells from the rest what is wrong.",
				"ReadKey":                   "Allows looking at the key's state, policy and rotation, for `managedcasd doctor`.",
				"ReadBucketConfiguration":   "Allows reading the bucket's settings and no object of it, for `managedcasd doctor`.",
				"BecomeOneOrganization":     becomesOneExplained,
				"NoDirectData":              noDataExplained,
				"NeverGrant":                "Stops it from giving anybody permissions: from attaching policies, making roles, users or access keys, and from changing trust or bucket policies. So the policies that it writes can have no effect but in sessions.",
				"WriteCoordinates":          "Only with AWS Secrets Manager. Allows keeping the organizations' coordinates, which are names and no credentials, in secrets under the configured prefix.",
				"CoordinatesKey":            secretKeyExplained,
				"PurgeOneOrganization":      "Only where the backend purges. Allows assuming the purge role, for one organization at a time.",
			},
		},
		"controlplane-permissions": {
			Title:   "The permissions of the control plane",
			Place:   "inline policy `managedcas` of the control plane's role; `provision` and the OpenTofu module put it there",
			Purpose: "It may assume the base role, as the operator's guide says, and nothing else. Where cas has no role of its own, both share this one, and it is what [cas has](cas-permissions.md).",
			Statements: map[string]string{
				"BecomeOneOrganization":       becomesOneExplained,
				"NoDirectData":                noDataExplained,
				"NeverManage":                 neverManageExplained,
				"BecomeCustomerRole":          customerExplained,
				"BecomeCustomerRoleElsewhere": elsewhereExplained,
				"TagCustomerSession":          tagCustomerExplained,
				"ReadCoordinates":             "Only with AWS Secrets Manager, where cas shares the role. Allows reading the organizations' coordinates.",
				"CoordinatesKey":              secretKeyExplained,
			},
		},
		"cas-permissions": {
			Title:   "The permissions of cas",
			Place:   "inline policy `managedcas` of the role of cas, where it has one of its own; `provision` and the OpenTofu module put it there",
			Purpose: "The data path: it may assume the base role for the organization of a request, and reaches artifacts by such sessions alone.",
			Statements: map[string]string{
				"BecomeOneOrganization":       becomesOneExplained,
				"NoDirectData":                noDataExplained,
				"NeverManage":                 neverManageExplained,
				"BecomeCustomerRole":          customerExplained,
				"BecomeCustomerRoleElsewhere": elsewhereExplained,
				"TagCustomerSession":          tagCustomerExplained,
				"ReadCoordinates":             "Only with AWS Secrets Manager. Allows reading the organizations' coordinates.",
				"CoordinatesKey":              secretKeyExplained,
			},
		},
		"purge-role-trust": {
			Title:   "The trust policy of the purge role",
			Place:   "trust policy of the purge role, in installations that purge; `provision` and the OpenTofu module put it there",
			Purpose: "The one role that deletes objects is the backend's alone, for one organization at a time: [deletion.md](../deletion.md).",
			Statements: map[string]string{
				"PurgeOneOrganization": "Lets the backend assume it only under the session name `purge-` and the UUID that the session tag `purge` carries.",
				"TagWithOrganization":  "Lets it set that tag, in the form of a UUID, and hand on those of EKS Pod Identity.",
			},
		},
		"purge-role-permissions": {
			Title:   "The permissions of the purge role",
			Place:   "inline policy `managedcas` of the purge role, in installations that purge; `provision` and the OpenTofu module put it there",
			Purpose: "It deletes versions, and can neither read nor write. What policies cannot know is which organizations are deleted: [deletion.md](../deletion.md).",
			Statements: map[string]string{
				"PurgeObjects": "Allows deleting versions and aborting uploads under the prefix that the session tag `purge` names, in the bucket itself.",
				"PurgeListing": "Allows listing the versions under that prefix.",
			},
		},
	}
}
