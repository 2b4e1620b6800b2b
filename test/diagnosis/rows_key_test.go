package diagnosis

const (
	sessionsUseKey = "SessionsUseKeyThroughS3"
	keyContext     = "kms:EncryptionContext:aws:s3:arn"
)

func keyRows() []row {
	return []row{
		{code: "key-disabled", as: "administrator", mistake: []string{"aws kms disable-key --key-id $KEY"}},
		{code: "key-disabled", as: "backend", mistake: []string{"aws kms disable-key --key-id $KEY"}},
		{code: "key-pending-deletion", as: "backend", mistake: []string{"aws kms schedule-key-deletion --key-id $KEY --pending-window-in-days 7"}},
		{code: "key-rotation", as: "administrator", mistake: []string{"aws kms disable-key-rotation --key-id $KEY"}},
		{code: "key-missing", as: "administrator", mistake: []string{"sed -i 's,kmsKeyArn: .*,kmsKeyArn: arn:aws:kms:us-east-1:'$ACCOUNT':key/99999999-2222-3333-4444-555555555555,' managedcas.yaml"}, undone: []string{"cp good.yaml managedcas.yaml"},
			also: []string{"bucket-encryption-other-key", "base-role-other-key", "backend-key-read", "backend-configuration-reads"}},
		keyPolicy("key-policy-stale-principal", "administrator", besides(allow(named(boss), "kms:PutKeyPolicy", "*"))).before(createBoss).after("aws iam delete-user --user-name boss"),
		keyPolicy("key-policy-foreign", "backend", besides(allow(named("arn:aws:iam::999922223333:root"), "kms:Decrypt", "*"))),
		keyPolicy("key-policy-grant", "administrator", without(sessionsUseKey)),
		keyPolicy("key-policy-grant", "backend", without(sessionsUseKey)),
		keyPolicy("key-policy-encrypt", "backend", actions(sessionsUseKey, "kms:Decrypt", "kms:Encrypt")),
		keyPolicy("key-policy-decrypt", "administrator", actions(sessionsUseKey, "kms:GenerateDataKey")),
		keyPolicy("key-policy-region", "administrator", condition(sessionsUseKey, "StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com")),
		keyPolicy("key-policy-account", "backend", condition(sessionsUseKey, "StringEquals", "kms:CallerAccount", "999922223333")),
		keyPolicy("key-policy-context", "administrator", condition(sessionsUseKey, "StringLike", keyContext, "arn:aws:s3:::other", "arn:aws:s3:::other/*")),
		keyPolicy("key-policy-deny", "backend", besides(deny(anybody(), "kms:Decrypt", "*"))),
		keyPolicy("key-policy-backend", "administrator", without("BackendUsesKeyThroughS3", "BackendChecksKey")),
		keyPolicy("key-policy-account-decrypts", "administrator", besides(allow(named("arn:aws:iam::"+accountID+":root"), "kms:*", "*"))),
		keyPolicy("key-policy-principals", "backend", besides(allow(named(boss), "kms:Decrypt", "*"))).before(createBoss),
		keyPolicy("key-policy-outside-s3", "administrator", without("DenyKeyUseOutsideS3")),
		keyPolicy("key-policy-other-buckets", "administrator", condition(sessionsUseKey, "StringLike", keyContext, "*")),
		keyPolicy("key-policy-other-organizations", "backend", condition(sessionsUseKey, "StringLike", keyContext, "arn:aws:s3:::example-artifacts*")),
	}
}
