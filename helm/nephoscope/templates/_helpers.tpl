{{- define "nephoscope.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* At most 52 characters: a StatefulSet's pods carry the name, a revision and a number in labels of 63. */}}
{{- define "nephoscope.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "nephoscope.selector" -}}
app.kubernetes.io/name: {{ include "nephoscope.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Called with (dict "root" $ "component" "agent"). */}}
{{- define "nephoscope.labels" -}}
{{- $chart := printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- $own := dict
  "app.kubernetes.io/component" .component
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "nephoscope"
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "helm.sh/chart" ($chart | trunc 63 | trimSuffix "-") }}
{{- $selector := include "nephoscope.selector" .root | fromYaml }}
{{- merge (dict) $selector $own .root.Values.commonLabels | toYaml }}
{{- end }}

{{- define "nephoscope.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "nephoscope.serviceAccount" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "nephoscope.fullname" .) "default" }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{/* The job runs before the release's own account exists, so it has one of its own, which is a hook. */}}
{{- define "nephoscope.migrationServiceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- include "nephoscope.fullname" . }}-migrate
{{- else }}
{{- include "nephoscope.serviceAccount" . }}
{{- end }}
{{- end }}

{{/* Not empty where a job migrates. */}}
{{- define "nephoscope.migrates" -}}
{{- if and .Values.database.host .Values.migration.enabled }}yes{{ end }}
{{- end }}
