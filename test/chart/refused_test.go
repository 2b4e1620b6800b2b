package chart

import (
	"strings"
	"testing"
)

// refusals are values over those of the example pod-identity, and what is said of them.
var refusals = []struct{ name, over, says string }{
	// What the schema knows.
	{"prefix of 19 characters", "backend: {managedCas: {apPrefix: chainloop-prod-eu1-}}", "at '/backend/managedCas/apPrefix': maxLength: got 19, want 18"},
	{"prefix with a capital", "backend: {managedCas: {apPrefix: Chainloop-}}", "at '/backend/managedCas/apPrefix': 'Chainloop-' does not match pattern"},
	{"no prefix", "backend: {managedCas: {apPrefix: ''}}", "at '/backend/managedCas/apPrefix': minLength: got 0, want 1"},
	{"no bucket", "backend: {managedCas: {bucketName: null}}", "at '/backend/managedCas': missing property 'bucketName'"},
	{"no key", "backend: {managedCas: {kmsKeyArn: null}}", "at '/backend/managedCas': missing property 'kmsKeyArn'"},
	{"no base role", "backend: {managedCas: {baseRoleName: null}}", "at '/backend/managedCas': missing property 'baseRoleName'"},
	{"a key by its alias", "backend: {managedCas: {kmsKeyArn: 'arn:aws:kms:eu-west-1:111122223333:alias/x'}}", "at '/backend/managedCas/kmsKeyArn': 'arn:aws:kms:eu-west-1:111122223333:alias/x' does not match pattern"},
	{"an account as a number", "backend: {managedCas: {accountId: 111122223333}}", "at '/backend/managedCas/accountId': got number, want string"},
	{"a role by its ARN", "backend: {managedCas: {baseRoleName: 'arn:aws:iam::111122223333:role/x'}}", "at '/backend/managedCas/baseRoleName': 'arn:aws:iam::111122223333:role/x' does not match pattern"},
	{"a misspelt key", "backend: {managedCas: {bucketname: x}}", "at '/backend/managedCas': additional properties 'bucketname' not allowed"},
	{"a key of nobody", "kafka: {}", "additional properties 'kafka' not allowed"},
	{"turned off", "backend: {managedCas: {enabled: false}}", "at '/backend/managedCas/enabled': value must be true"},
	{"an unknown mode", "backend: {managedCas: {sessionPolicyMode: none}}", "at '/backend/managedCas/sessionPolicyMode': value must be one of 'managed', 'inline', 'abac'"},
	{"a duration without a unit", "backend: {managedCas: {reconcileInterval: '300'}}", "at '/backend/managedCas/reconcileInterval': '300' does not match pattern"},
	{"no identity", "workloadIdentity: ''", "at '/workloadIdentity': value must be one of 'podIdentity', 'irsa'"},
	{"both identities in a list", "workloadIdentity: [podIdentity, irsa]", "at '/workloadIdentity': value must be one of 'podIdentity', 'irsa'"},
	{"no image", "image: {repository: ''}", "at '/image/repository': minLength: got 0, want 1"},
	{"no protection", "tls: {mode: ''}", "at '/tls/mode': value must be one of 'certManager', 'secret', 'plaintext'"},
	{"SQLite by a URL", "database: {url: 'sqlite:/data/x'}", "at '/database/url': 'sqlite:/data/x' does not match pattern"},
	{"a job without time", "database: {migrationJob: {activeDeadlineSeconds: 59}}", "at '/database/migrationJob/activeDeadlineSeconds': minimum: got 59, want 60"},
	{"no replicas", "cas: {replicas: 0}", "at '/cas/replicas': minimum: got 0, want 1"},
	{"a part that S3 refuses", "cas: {partSize: 5242879}", "at '/cas/partSize': minimum: got 5.242879×10⁰⁶"},

	// What is unsafe.
	{"a directory of the node", "cas: {extraVolumes: [{name: x, hostPath: {path: /}}]}", "at '/cas/extraVolumes/0': 'not' failed"},
	{"labels of another role", "backend: {podLabels: {app.kubernetes.io/component: cas}}", "invalid propertyName 'app.kubernetes.io/component'"},
	{"a password in a URL", "audit: {sinks: [{name: x, webhook: {url: 'https://u:p@x.example/'}}]}", "at '/audit/sinks/0/webhook/url': "},
	{"a line in a URL", `controlplane: {publicUrl: "https://x\n  insecurePlaintext: true"}`, "at '/controlplane/publicUrl': "},
	{"YAML in a name of a certificate", `tls: {certManager: {extraDnsNames: {cas: ["x\n  issuerRef: {name: y}"]}}}`, "at '/tls/certManager/extraDnsNames/cas/0': "},
	{"YAML in a class", `ingress: {className: "x\n  defaultBackend: {}"}`, "at '/ingress/className': "},
	{"YAML in a class of volumes", `database: {sqlite: {storageClassName: "x\n  volumeName: y"}}`, "at '/database/sqlite/storageClassName': "},

	// What takes more than one value to see.
	{"both identities", "backend: {serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/managedcas-backend'}}}",
		"workloadIdentity is podIdentity, and backend.serviceAccount.annotations has eks.amazonaws.com/role-arn: pods can have one identity; remove the annotation, or set workloadIdentity to irsa"},
	{"another role", "{workloadIdentity: irsa, cas: {serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/other'}}}}",
		"cas.serviceAccount.annotations has the role arn:aws:iam::111122223333:role/other, and backend.managedCas says arn:aws:iam::111122223333:role/managedcas-controlplane"},
	{"one service account", "{backend: {serviceAccount: {name: x}}, cas: {serviceAccount: {name: x}}}", "backend and cas have the same service account x, and so the same AWS identity"},
	{"a service account that is nobody's", "cas: {serviceAccount: {create: false}}", "cas.serviceAccount.create is false, and it has no name"},
	{"a key of another account", "backend: {managedCas: {accountId: '444455556666'}}", "the key has to be in the account 444455556666 and the Region eu-west-1 of the bucket"},
	{"a key of another Region", "backend: {managedCas: {region: eu-central-1}}", "the key has to be in the account 111122223333 and the Region eu-central-1 of the bucket"},
	{"no database", "database: {existingSecret: {name: ''}}", "database is missing: give database.existingSecret.name"},
	{"two databases", "database: {url: 'postgres://x@y/z'}", "database.url and database.existingSecret.name are given: leave one"},
	{"a job before its secret", "database: {existingSecret: {name: ''}, url: 'postgres://x@y/z', migrationJob: {enabled: true}}", "database.migrationJob.enabled is true, and database.existingSecret.name is missing"},
	{"a job without a database", "database: {existingSecret: {name: ''}, sqlite: {enabled: true}, migrationJob: {enabled: true}}", "database.migrationJob.enabled is true, and database.existingSecret.name is missing"},
	{"SQLite for many", "database: {existingSecret: {name: ''}, sqlite: {enabled: true}}", "database.sqlite is for one replica, and backend.replicas is 2"},
	{"SQLite that scales", "database: {existingSecret: {name: ''}, sqlite: {enabled: true}}", "database.sqlite is for one replica, and cas.autoscaling.enabled is true"},
	{"more at least than at most", "cas: {autoscaling: {minReplicas: 13}}", "cas.autoscaling.minReplicas is 13, above maxReplicas, which is 12"},
	{"no issuer", "tls: {certManager: {issuerRef: {name: ''}}}", "tls.certManager.issuerRef.name is missing"},
	{"no certificate", "tls: {mode: secret}", "tls.secretNames.cas is missing: name a secret of the type kubernetes.io/tls, with managedcas-cas.managedcas.svc in its certificate"},
	{"a provider without a secret", "controlplane: {publicUrl: 'https://x', oidc: {issuer: 'https://id', clientId: x}}", "controlplane.oidcClientSecret.existingSecret is missing"},
	{"a provider without a way back", "controlplane: {oidcClientSecret: {existingSecret: x}, oidc: {issuer: 'https://id', clientId: x}}", "controlplane.publicUrl is missing"},
	{"an ingress to nothing", "ingress: {enabled: true}", "ingress.enabled is true, and no host is given"},
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	e := all[1]
	for _, row := range refusals {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := e.render(t, e.values(t, row.over))
			if err == nil {
				t.Fatal("it is let through")
			}
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("it says\n%v\nand not\n%s", err, row.says)
			}
		})
	}
}

// The other side of each bound.
func TestValuesAtTheBound(t *testing.T) {
	t.Parallel()
	e := all[1]
	for _, over := range []string{
		"backend: {managedCas: {apPrefix: chainloop-prod-eu1}}",
		"backend: {managedCas: {apPrefix: c}}",
		"{workloadIdentity: irsa, cas: {serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/managedcas-controlplane'}}}}",
		"cas: {replicas: 1, partSize: 5242880}",
		"cas: {autoscaling: {minReplicas: 12}}",
		"database: {existingSecret: {name: ''}, url: 'postgres://x@y/z'}",
		"controlplane: {publicUrl: 'https://x', oidc: {issuer: 'https://id', clientId: x}, oidcClientSecret: {existingSecret: x}}",
	} {
		if _, err := e.render(t, e.values(t, over)); err != nil {
			t.Errorf("%s: %v", over, err)
		}
	}
}

// Without any values the first thing that is said is what is missing.
func TestNoValues(t *testing.T) {
	t.Parallel()
	_, err := all[1].render(t, map[string]any{})
	if err == nil {
		t.Fatal("it is let through")
	}
	for _, says := range []string{"missing properties 'region', 'accountId', 'bucketName'", "/workloadIdentity", "/image/repository", "/tls/mode"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("nothing of %s in\n%v", says, err)
		}
	}
}
