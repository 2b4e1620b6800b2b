{{/*
The configuration file, one for all roles. Keys that stand in the values under the names of the
file are passed on; what the chart decides by itself (addresses, mounted files) is added. With
keys that the programs do not know they do not start: there is no room for others here.
*/}}
{{- define "managedcas.config" -}}
backend:
  managedCas:
    {{- toYaml .Values.backend.managedCas | nindent 4 }}
  {{- include "managedcas.listeners" (list . "backend") | nindent 2 }}
controlplane:
  {{- include "managedcas.listeners" (list . "controlplane") | nindent 2 }}
  casUrl: {{ include "managedcas.url" (list . "cas") }}
  {{- if include "managedcas.ca" (list . "controlplane") }}
  casCa: /etc/managedcas/ca/ca.crt
  {{- end }}
  {{- $c := .Values.controlplane }}
  {{- with pick $c "publicUrl" "publicCasUrl" "organizationCreation" "keyRotation" "drainDelay" "limits" "federation" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $c.oidc }}
  oidc:
    {{- toYaml . | nindent 4 }}
    clientSecretFile: /etc/managedcas/oidc/client-secret
  {{- end }}
cas:
  {{- include "managedcas.listeners" (list . "cas") | nindent 2 }}
  controlplaneUrl: {{ include "managedcas.url" (list . "controlplane") }}
  {{- if include "managedcas.ca" (list . "cas") }}
  controlplaneCa: /etc/managedcas/ca/ca.crt
  {{- end }}
  {{- with pick .Values.cas "sessionReuse" "singlePutMax" "partSize" "uploadMemory" "maxArtifactBytes" "directTransfers" "uploadExpiry" "ownBuckets" "limits" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
database:
  {{- if .Values.database.sqlite.enabled }}
  url: sqlite:/var/lib/managedcas/managedcas.db
  {{- else }}
  urlFile: /etc/managedcas/database/url
  {{- end }}
{{- range $key := list "secretStore" "audit" "log" }}
{{- with index $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where a role listens: on all addresses of the pod, of both families. */}}
{{- define "managedcas.listeners" -}}
listen:
  {{- range $protocol, $port := include "managedcas.ports" (index . 1) | fromYaml }}
  {{ $protocol }}: ":{{ $port }}"
  {{- end }}
{{- if eq (index . 0).Values.tls.mode "plaintext" }}
insecurePlaintext: true
{{- else }}
tls:
  certFile: /etc/managedcas/tls/tls.crt
  keyFile: /etc/managedcas/tls/tls.key
{{- end }}
{{- end -}}

{{/* The HTTP port of a role as other pods reach it. */}}
{{- define "managedcas.url" -}}
{{- $root := index . 0 -}}
{{- $ports := include "managedcas.ports" (index . 1) | fromYaml -}}
{{ include "managedcas.scheme" $root }}://{{ include "managedcas.rolename" . }}.{{ $root.Release.Namespace }}.svc:{{ $ports.http }}
{{- end -}}

{{/*
Seconds that a pod has after SIGTERM. Durations are Go's, such as 1m30s: drainDelay, what may
go on after it, and ten seconds for what is queued for the database.
*/}}
{{- define "managedcas.gracePeriod" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $delay := "0s" -}}
{{- $time := "20s" -}}
{{- if eq $role "controlplane" -}}
{{- $delay = default "3s" $root.Values.controlplane.drainDelay -}}
{{- else if eq $role "cas" -}}
{{- $limits := default dict $root.Values.cas.limits -}}
{{- $delay = default "3s" $limits.drainDelay -}}
{{- $time = default "20s" $limits.drainTime -}}
{{- end -}}
{{- $seconds := 10.0 -}}
{{- $units := dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 -}}
{{- range regexFindAll "[0-9.]+(ms|h|m|s)" (printf "%s %s" $delay $time) -1 -}}
{{- $seconds = addf $seconds (mulf (regexFind "[0-9.]+" . | float64) (index $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- ceil $seconds | int -}}
{{- end -}}
