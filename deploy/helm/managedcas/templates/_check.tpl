{{/*
What the schema cannot say: values that contradict each other. All of it is said at once. What
the programs check by themselves (limits, durations) is left to them.
*/}}
{{- define "managedcas.check" -}}
{{- $m := .Values.backend.managedCas -}}
{{- $wrong := list -}}
{{- $account := "eks.amazonaws.com/role-arn" -}}
{{- $names := dict -}}
{{- range $role := list "backend" "controlplane" "cas" -}}
  {{- $a := (index $.Values $role).serviceAccount -}}
  {{- $given := index (default dict $a.annotations) $account -}}
  {{- $arn := include "managedcas.iamRole" (list $ $role) -}}
  {{- if and $given (eq $.Values.workloadIdentity "podIdentity") -}}
    {{- $wrong = append $wrong (printf "workloadIdentity is podIdentity, and %s.serviceAccount.annotations has %s: pods can have one identity; remove the annotation, or set workloadIdentity to irsa" $role $account) -}}
  {{- else if and $given (ne $given $arn) -}}
    {{- $wrong = append $wrong (printf "%s.serviceAccount.annotations has the role %s, and backend.managedCas says %s: the chart sets this annotation by itself; remove it, or put the names of the roles right" $role $given $arn) -}}
  {{- end -}}
  {{- if and (not $a.create) (not $a.name) -}}
    {{- $wrong = append $wrong (printf "%s.serviceAccount.create is false, and it has no name: say which existing one to use" $role) -}}
  {{- end -}}
  {{- $name := include "managedcas.serviceAccount" (list $ $role) -}}
  {{- with index $names $name -}}
    {{- $wrong = append $wrong (printf "%s and %s have the same service account %s, and so the same AWS identity: give each its own" . $role $name) -}}
  {{- end -}}
  {{- $_ := set $names $name $role -}}
  {{- if and (eq $.Values.tls.mode "secret") (not (index $.Values.tls.secretNames $role)) -}}
    {{- $wrong = append $wrong (printf "tls.mode is secret, and tls.secretNames.%s is missing: name a secret of the type kubernetes.io/tls, with %s in its certificate" $role (include "managedcas.url" (list $ $role) | trimPrefix "https://" | splitList ":" | first)) -}}
  {{- end -}}
  {{- if and $.Values.database.sqlite.enabled (gt (int (index $.Values $role).replicas) 1) -}}
    {{- $wrong = append $wrong (printf "database.sqlite is for one replica, and %s.replicas is %d: set it to 1, or give a PostgreSQL" $role (int (index $.Values $role).replicas)) -}}
  {{- end -}}
{{- end -}}
{{- $key := printf ":kms:%s:%s:key/" $m.region $m.accountId -}}
{{- if not (contains $key $m.kmsKeyArn) -}}
  {{- $wrong = append $wrong (printf "backend.managedCas.kmsKeyArn is %s: the key has to be in the account %s and the Region %s of the bucket" $m.kmsKeyArn $m.accountId $m.region) -}}
{{- end -}}
{{- $database := .Values.database -}}
{{- $sources := list -}}
{{- if $database.url }}{{ $sources = append $sources "database.url" }}{{ end -}}
{{- if $database.existingSecret.name }}{{ $sources = append $sources "database.existingSecret.name" }}{{ end -}}
{{- if $database.sqlite.enabled }}{{ $sources = append $sources "database.sqlite.enabled" }}{{ end -}}
{{- if not $sources -}}
  {{- $wrong = append $wrong "database is missing: give database.existingSecret.name (a secret with a URL of PostgreSQL), database.url, or database.sqlite.enabled for a trial" -}}
{{- else if gt (len $sources) 1 -}}
  {{- $wrong = append $wrong (printf "%s are given: leave one" (join " and " $sources)) -}}
{{- end -}}
{{- if and $database.migrationJob.enabled (not $database.existingSecret.name) -}}
  {{- $wrong = append $wrong "database.migrationJob.enabled is true, and database.existingSecret.name is missing: the job runs before the chart makes anything; put the URL into a secret of yours, or set it to false" -}}
{{- end -}}
{{- if and $database.sqlite.enabled .Values.cas.autoscaling.enabled -}}
  {{- $wrong = append $wrong "database.sqlite is for one replica, and cas.autoscaling.enabled is true: set it to false, or give a PostgreSQL" -}}
{{- end -}}
{{- if gt (int .Values.cas.autoscaling.minReplicas) (int .Values.cas.autoscaling.maxReplicas) -}}
  {{- $wrong = append $wrong (printf "cas.autoscaling.minReplicas is %d, above maxReplicas, which is %d" (int .Values.cas.autoscaling.minReplicas) (int .Values.cas.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- if and (eq .Values.tls.mode "certManager") (not .Values.tls.certManager.issuerRef.name) -}}
  {{- $wrong = append $wrong "tls.mode is certManager, and tls.certManager.issuerRef.name is missing: name the issuer that signs for names of the cluster" -}}
{{- end -}}
{{- with .Values.controlplane.oidc -}}
  {{- if not $.Values.controlplane.oidcClientSecret.existingSecret -}}
    {{- $wrong = append $wrong "controlplane.oidc is given, and controlplane.oidcClientSecret.existingSecret is missing: name the secret with the client secret of the provider" -}}
  {{- end -}}
  {{- if not $.Values.controlplane.publicUrl -}}
    {{- $wrong = append $wrong "controlplane.oidc is given, and controlplane.publicUrl is missing: browsers are sent back there" -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not (or .Values.ingress.controlplane.grpc.host .Values.ingress.controlplane.http.host .Values.ingress.cas.grpc.host .Values.ingress.cas.http.host)) -}}
  {{- $wrong = append $wrong "ingress.enabled is true, and no host is given: give ingress.controlplane.grpc.host and the others that clients need" -}}
{{- end -}}
{{- if $wrong -}}
  {{- fail (printf "these values cannot work:\n- %s\n" (join "\n- " $wrong)) -}}
{{- end -}}
{{- end -}}
