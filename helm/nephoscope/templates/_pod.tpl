{{/* What the agent's pod, the job's and the test's have in common: restricted Pod Security. */}}
{{- define "nephoscope.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int .Values.runAs.user }}
runAsGroup: {{ int .Values.runAs.group }}
fsGroup: {{ int .Values.runAs.group }}
# A walk over the volume at each start would open Postgres' data to the group, which Postgres then refuses.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "nephoscope.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "nephoscope.env" -}}
- name: NEPHOSCOPE_CONFIG
  value: /etc/nephoscope/nephoscope.yaml
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "nephoscope.mounts" -}}
- name: config
  mountPath: /etc/nephoscope
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- range $at, $secret := .Values.secrets }}
- name: secret-{{ $at }}
  mountPath: /var/run/secrets/nephoscope/{{ $secret.path }}
  readOnly: true
{{- end }}
{{- if and .Values.database.host .Values.database.existingSecret }}
- name: database
  mountPath: /var/run/secrets/nephoscope/database
  readOnly: true
{{- end }}
{{- if include "nephoscope.ownRoot" . }}
- name: database-ca
  mountPath: /etc/nephoscope-database
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* One volume a Secret, since only a whole volume is followed when the Secret changes, and without naming its keys. */}}
{{- define "nephoscope.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- range $at, $secret := .Values.secrets }}
- name: secret-{{ $at }}
  projected:
    defaultMode: 288 # 0440
    sources:
      - secret:
          name: {{ $secret.name | quote }}
{{- end }}
{{- if and .Values.database.host .Values.database.existingSecret }}
- name: database
  projected:
    defaultMode: 288 # 0440
    sources:
      - secret:
          name: {{ .Values.database.existingSecret | quote }}
          items:
            - key: {{ .Values.database.passwordKey | quote }}
              path: password
{{- end }}
{{- if include "nephoscope.ownRoot" . }}
{{- with .Values.database.sslRootCert }}
- name: database-ca
  projected:
    defaultMode: 292 # 0444
    sources:
      - {{ empty .secret | ternary "configMap" "secret" }}:
          name: {{ or .secret .configMap | quote }}
          items:
            - key: {{ .key | quote }}
              path: {{ .key | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Not empty where the database's authority is of the user's own. */}}
{{- define "nephoscope.ownRoot" -}}
{{- with .Values.database }}
{{- if and .host (hasPrefix "verify-" .sslmode) (or .sslRootCert.configMap .sslRootCert.secret) }}yes{{ end }}
{{- end }}
{{- end }}

{{- define "nephoscope.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "nephoscope.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
periodSeconds: {{ int .values.periodSeconds }}
timeoutSeconds: {{ int .values.timeoutSeconds }}
failureThreshold: {{ int .values.failureThreshold }}
{{- end }}
