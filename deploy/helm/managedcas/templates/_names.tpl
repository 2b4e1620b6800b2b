{{- define "managedcas.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of a role's objects: (list $ "cas"). 50 characters leave room for the role. */}}
{{- define "managedcas.rolename" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s" (include "managedcas.fullname" $root) (index . 1) -}}
{{- end -}}

{{- define "managedcas.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "managedcas.labels" -}}
{{ include "managedcas.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "managedcas.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- default (include "managedcas.rolename" .) (index $root.Values $role).serviceAccount.name -}}
{{- end -}}

{{- define "managedcas.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The IAM role of a workload, by its name in backend.managedCas. */}}
{{- define "managedcas.iamRole" -}}
{{- $m := (index . 0).Values.backend.managedCas -}}
{{- $names := dict "backend" $m.backendRoleName "controlplane" $m.controlplaneRoleName "cas" (default $m.controlplaneRoleName $m.casRoleName) -}}
{{- $partition := "aws" -}}
{{- if hasPrefix "us-gov-" $m.region }}{{ $partition = "aws-us-gov" }}{{ end -}}
{{- if hasPrefix "cn-" $m.region }}{{ $partition = "aws-cn" }}{{ end -}}
arn:{{ $partition }}:iam::{{ $m.accountId }}:role/{{ index $names (index . 1) }}
{{- end -}}

{{/*
The ports of a role, by protocol, as YAML. The backend's are for probes and Prometheus alone.
Metrics have one of their own everywhere: no ingress leads there.
*/}}
{{- define "managedcas.ports" -}}
{{- if eq . "backend" -}}
http: 8081
metrics: 8082
{{- else if eq . "controlplane" -}}
grpc: 9000
http: 8000
metrics: 8082
{{- else -}}
grpc: 9001
http: 8001
metrics: 8082
{{- end -}}
{{- end -}}

{{- define "managedcas.scheme" -}}
{{- ternary "http" "https" (eq .Values.tls.mode "plaintext") -}}
{{- end -}}

{{- define "managedcas.tlsSecret" -}}
{{- $root := index . 0 -}}
{{- if eq $root.Values.tls.mode "certManager" -}}
{{ include "managedcas.rolename" . }}-tls
{{- else -}}
{{ index $root.Values.tls.secretNames (index . 1) }}
{{- end -}}
{{- end -}}

{{/* The secret with the authority that a role trusts, and its key, as YAML; or nothing. */}}
{{- define "managedcas.ca" -}}
{{- $root := index . 0 -}}
{{- $tls := $root.Values.tls -}}
{{- if eq $tls.mode "plaintext" -}}
{{- else if $tls.caSecret.name -}}
{{ toYaml $tls.caSecret }}
{{- else if eq $tls.mode "certManager" -}}
name: {{ include "managedcas.tlsSecret" . }}
key: ca.crt
{{- end -}}
{{- end -}}

{{- define "managedcas.databaseSecret" -}}
{{- with .Values.database -}}
{{- if .url -}}
name: {{ include "managedcas.fullname" $ }}-database
key: url
{{- else -}}
{{ toYaml .existingSecret }}
{{- end -}}
{{- end -}}
{{- end -}}
