{{/* The pod of a role: (list $ "cas"). */}}
{{- define "managedcas.pod" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $v := index $root.Values $role -}}
serviceAccountName: {{ include "managedcas.serviceAccount" . }}
# Nobody here speaks to Kubernetes, but Vault may want to know who asks.
automountServiceAccountToken: {{ include "managedcas.vaultLogin" . | eq "true" }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "managedcas.gracePeriod" . }}
{{ include "managedcas.podSecurity" $root }}
{{- with include "managedcas.where" . | trim }}
{{ . }}
{{- end }}
{{- include "managedcas.placement" . }}
containers:
  - name: {{ $role }}
    image: {{ include "managedcas.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [{{ $role }}, --config, /etc/managedcas/config/managedcas.yaml]
    {{- with include "managedcas.env" . }}
    {{- . | nindent 4 }}
    {{- end }}
    ports:
      {{- range $protocol, $port := include "managedcas.ports" $role | fromYaml }}
      - name: {{ $protocol }}
        containerPort: {{ $port }}
      {{- end }}
    {{- include "managedcas.probes" $root | nindent 4 }}
    resources:
      {{- toYaml $v.resources | nindent 6 }}
    securityContext:
      {{- include "managedcas.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      {{- include "managedcas.mounts" . | nindent 6 }}
volumes:
  {{- include "managedcas.volumes" . | nindent 2 }}
{{- end -}}

{{- define "managedcas.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "managedcas.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* On which nodes, and how urgently. */}}
{{- define "managedcas.where" -}}
{{- $v := index (index . 0).Values (index . 1) -}}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "managedcas.vaultLogin" -}}
{{- $store := (index . 0).Values.secretStore -}}
{{- $vault := default dict $store.vault -}}
{{- and (eq (default "" $store.driver) "vault") (eq (default "kubernetes" $vault.auth) "kubernetes") (ne (index . 1) "controlplane") -}}
{{- end -}}

{{/* Pods apart from each other, or, where they share the file of a database, together. */}}
{{- define "managedcas.placement" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $v := index $root.Values $role -}}
{{- if $root.Values.database.sqlite.enabled }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "managedcas.selector" $root | nindent 12 }}
{{- else }}
{{- with $v.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "managedcas.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ $role }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "managedcas.env" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- with (index $root.Values $role).extraEnv -}}
env:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/*
Until the first migration is through nobody listens; replicas wait for each other, five minutes
at most. A readiness answer takes 900 ms at most.
*/}}
{{- define "managedcas.probes" -}}
{{- $scheme := include "managedcas.scheme" . | upper -}}
startupProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 5
  failureThreshold: 72
livenessProbe:
  httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http, scheme: {{ $scheme }}}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- define "managedcas.mounts" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $database := $root.Values.database -}}
- {name: config, mountPath: /etc/managedcas/config, readOnly: true}
{{- if $database.sqlite.enabled }}
- {name: data, mountPath: /var/lib/managedcas}
- {name: tmp, mountPath: /tmp}
{{- else }}
{{ include "managedcas.databaseMounts" $root }}
{{- end }}
{{- if ne $root.Values.tls.mode "plaintext" }}
- {name: tls, mountPath: /etc/managedcas/tls, readOnly: true}
{{- end }}
{{- if and (ne $role "backend") (include "managedcas.ca" .) }}
- {name: ca, mountPath: /etc/managedcas/ca, readOnly: true}
{{- end }}
{{- if and (eq $role "controlplane") $root.Values.controlplane.oidc }}
- {name: oidc, mountPath: /etc/managedcas/oidc, readOnly: true}
{{- end }}
{{- with (index $root.Values $role).extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "managedcas.volumes" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $database := $root.Values.database -}}
- name: config
  configMap: {name: {{ include "managedcas.fullname" $root }}}
{{- if $database.sqlite.enabled }}
- name: data
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-database" (include "managedcas.fullname" $root)) $database.sqlite.existingClaim }}
- name: tmp # SQLite sorts there
  emptyDir: {sizeLimit: 256Mi}
{{- else }}
{{ include "managedcas.databaseVolumes" $root }}
{{- end }}
{{- if ne $root.Values.tls.mode "plaintext" }}
- name: tls
  secret: {secretName: {{ include "managedcas.tlsSecret" . }}, defaultMode: 0440}
{{- end }}
{{- $ca := include "managedcas.ca" . | fromYaml }}
{{- if and (ne $role "backend") $ca }}
{{ include "managedcas.secretVolume" (list "ca" $ca "ca.crt") }}
{{- end }}
{{- if and (eq $role "controlplane") $root.Values.controlplane.oidc }}
{{- with $root.Values.controlplane.oidcClientSecret }}
{{ include "managedcas.secretVolume" (list "oidc" (dict "name" .existingSecret "key" .key) "client-secret") }}
{{- end }}
{{- end }}
{{- with (index $root.Values $role).extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Of PostgreSQL: its URL, and the authority of its certificate. */}}
{{- define "managedcas.databaseMounts" -}}
- {name: database, mountPath: /etc/managedcas/database, readOnly: true}
{{- if .Values.database.caSecret.name }}
- {name: database-ca, mountPath: /etc/managedcas/database-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "managedcas.databaseVolumes" -}}
{{ include "managedcas.secretVolume" (list "database" (include "managedcas.databaseSecret" . | fromYaml) "url") }}
{{- with .Values.database.caSecret }}
{{- if .name }}
{{ include "managedcas.secretVolume" (list "database-ca" . "ca.crt") }}
{{- end }}
{{- end }}
{{- end -}}

{{/* One key of a secret as a file: (list VOLUME (dict "name" … "key" …) FILE). */}}
{{- define "managedcas.secretVolume" -}}
{{- $secret := index . 1 -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 0440
    items:
      - {key: {{ $secret.key }}, path: {{ index . 2 }}}
{{- end -}}
