package tenancy

// resourceExplanations explains the policies of resources, and those of one organization.
func resourceExplanations() map[string]Explanation {
	return map[string]Explanation{
		"bucket-policy": {
			Title: "The bucket policy",
			Place: "policy of the bucket; `provision` and the OpenTofu module put it there",
			Purpose: "It rejects what does not come through an access point of the installation, so that a misconfigured role cannot cross the boundary, " +
				"and keeps each session of the base role under the prefix of its own organization. Denials name data actions and never `s3:*`, but for the one about transport: " +
				"whoever administers the account can always repair the policy.",
			Statements: map[string]string{
				"DenyPlainHTTP":                        "Stops every request that is not made over TLS, whoever makes it: neither artifacts nor signatures cross a network in the clear.",
				"DenyObjectsOutsideAccessPoints":       "Stops every read, write and deletion of an object that does not come through an access point of this account and Region whose name begins with the installation's prefix. Administrators are no exception: with `s3:*` in their own policies they read no artifact.",
				"DenyListingOutsideAccessPoints":       "Stops listing the bucket, its versions and its uploads from outside of the access points. Only the operators that the configuration names may look at the names of objects, which `HeadBucket` and the guide's Verify need.",
				"DenyObjectsOfOtherOrganizations":      "Stops a session of the base role at every object that is not under the prefix which its session tag `org` names. A session without the tag gets nothing. So the bucket itself knows the organization, whatever access points and sessions were told.",
				"DenyListingOfOtherOrganizations":      "Stops a session of the base role from listing anything but its own organization's prefix, and from listing without a prefix.",
				"DenyForeignKeyWhenNamed":              "Stops a write that names another KMS key than the installation's. One that names none gets the bucket's default, which is that key.",
				"DenyOtherEncryptionWhenNamed":         "Stops a write that names another encryption than SSE-KMS.",
				"DenyCustomerProvidedKeys":             "Stops a write with a key that the client brings (SSE-C): its organization could not read the artifact any more without the client.",
				"DenyOverwrite":                        "Stops a write to an artifact's address that is not conditional (`If-None-Match: *`): an artifact is never replaced, even by whoever holds the organization's session.",
				"DelegateObjectsToAccessPoints":        "Allows, for requests through the installation's access points, what the policies of these access points allow in turn. It names everybody because it lets nobody in by itself: the access point's policy names the one session.",
				"DelegateListingToAccessPoints":        "Allows listing through the access points in the same way, with a prefix.",
				"DenyPurgeRoleAnythingElse":            "Only where the backend purges. Stops the purge role at everything but deleting versions, aborting uploads and listing versions, whatever is attached to it.",
				"DenyPurgeOfOtherOrganizations":        "Only where the backend purges. Stops a session of the purge role outside of the prefix that its session tag `purge` names.",
				"DenyPurgeListingOfOtherOrganizations": "Only where the backend purges. Stops it from listing other prefixes.",
			},
		},
		"key-policy": {
			Title: "The key policy",
			Place: "policy of the KMS key; `provision` and the OpenTofu module put it there",
			Purpose: "Encryption at rest is delegated to this key. The account's administrators manage it, sessions and the backend use it through S3 for this bucket, " +
				"and nobody uses it in any other way.",
			Statements: map[string]string{
				"AccountManagesKey":       "Lets administrators of the account manage the key, as far as their own policies allow. Encryption, decryption and grants are left out: an administrator's `kms:*` reads no artifact.",
				"SessionsUseKeyThroughS3": "Lets sessions of the base role encrypt and decrypt, when S3 asks for them, for this bucket. Where objects have no bucket key the session tag also keeps them to their own organization's objects.",
				"BackendUsesKeyThroughS3": "Lets the backend use the key through S3 for this bucket, as the operator's guide grants it. It never touches an object, and the bucket policy would not let it.",
				"BackendChecksKey":        "Lets the backend look at the key's state, so that a disabled key is named as the cause of failures.",
				"DenyKeyUseOutsideS3":     "Stops all roles of the installation at every use of the key that does not come from S3: with stolen credentials nobody asks KMS itself.",
			},
		},
		"vpc-endpoint-policy": {
			Title: "The policy of a VPC endpoint",
			Place: "an S3 VPC endpoint, if you want one; the OpenTofu module puts it there for an endpoint that it is told of",
			Purpose: "It keeps an endpoint to this installation. Each request is checked against both the access point and the bucket, so both are named. " +
				"A gateway endpoint serves everything in its route tables, container images included: merge these statements into what else goes through it.",
			Statements: map[string]string{
				"Artifacts": "Lets objects of this bucket through, by way of the installation's access points.",
				"Listing":   "Lets listings of them through.",
				"Purge":     "Only where the backend purges. Lets the purge role through, which works on the bucket itself.",
			},
		},
		"session-policy": {
			Title: "The session policy",
			Place: "one organization's managed policy; the backend writes it, nothing is attached to it, and every `AssumeRole` passes it",
			Purpose: "It narrows the session that is assumed for an organization to that organization's access point and key prefix. " +
				"In the mode `abac` one policy serves all organizations, and the session tag `org` stands in it for the organization; in the mode `inline` the same text is sent along and stored nowhere.",
			Statements: map[string]string{
				"OwnArtifacts": "Allows reading and writing under the organization's prefix through its own access point. There is no deletion among it.",
				"OwnListing":   "Allows listing that prefix, which tells whether an artifact exists.",
				"OwnKeyUse":    "Allows the key's use through S3. Without it every transfer would be refused with an error that looks like S3's own.",
			},
		},
		"access-point-policy": {
			Title: "The policy of an access point",
			Place: "one organization's access point; the backend writes it",
			Purpose: "It restricts who can address the access point, by `aws:userid`, to the session minted for that organization. " +
				"`[baseRoleId]` is the unique id of the base role: one that is deleted and made again has another, and the backend then writes every such policy again.",
			Statements: map[string]string{
				"OwnSession":                "Allows the organization's own session to read and write under its prefix. It names the base role and not everybody, so that the session policy still limits what it gives.",
				"OwnSessionListing":         "Allows that session to list its prefix.",
				"EverybodyElseOut":          "Stops every caller who is not exactly that session, whatever else allows him: other organizations' sessions, administrators, and callers without a user id.",
				"NothingOutsideOwnPrefix":   "Stops everybody, the own session included, at objects outside of the organization's prefix. An access point by itself fronts the whole bucket.",
				"NoListingOutsideOwnPrefix": "Stops listing anything else, and listing without a prefix.",
			},
		},
	}
}
