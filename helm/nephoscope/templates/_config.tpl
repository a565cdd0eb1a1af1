{{/* The files of the ConfigMap: nephoscope.yaml with the chart's own keys, and those beside it. */}}
{{- define "nephoscope.files" -}}
{{- include "nephoscope.refuse" . }}
{{- range $name, $content := .Values.configFiles }}
{{ $name }}: |
  {{- toYaml $content | nindent 2 }}
{{- end }}
nephoscope.yaml: |
  {{- include "nephoscope.config" . | nindent 2 }}
{{- end }}

{{- define "nephoscope.config" -}}
{{- $config := deepCopy .Values.config }}
{{- if not $config.targets }}
{{- $config = omit $config "targets" }}
{{- end }}
{{- $_ := set $config "state_dir" "/var/lib/nephoscope" }}
{{- if or .Values.secrets (and .Values.database.host .Values.database.existingSecret) }}
{{- $_ := set $config "secrets" (dict "dir" "/var/run/secrets/nephoscope") }}
{{- end }}
{{- $listen := printf "%s:%d" .Values.listen.address (int .Values.listen.port) }}
{{- $_ := set $config "export" (merge (dict "listen" $listen) (default dict $config.export)) }}
{{- if .Values.database.host }}
{{- $_ := set $config "storage" (merge (include "nephoscope.storage" . | fromYaml) (default dict $config.storage)) }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "nephoscope.storage" -}}
{{- with .Values.database -}}
host: {{ .host | quote }}
port: {{ int .port }}
database: {{ .name | quote }}
user: {{ .user | quote }}
{{- if .existingSecret }}
password: "${secret:database/password}"
{{- end }}
sslmode: {{ .sslmode }}
{{- if hasPrefix "verify-" .sslmode }}
{{- if or .sslRootCert.configMap .sslRootCert.secret }}
sslrootcert: {{ printf "/etc/nephoscope-database/%s" .sslRootCert.key | quote }}
{{- else }}
sslrootcert: {{ .sslRootCert.file | quote }}
{{- end }}
{{- end }}
{{- end }}
migrate: {{ not .Values.migration.enabled }}
{{- end }}

{{/* What cannot work is refused before anything is installed. */}}
{{- define "nephoscope.refuse" -}}
{{- if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas: %d: not yet: this version has one agent a release. Install a release for each place, with a vantage of its own." (int .Values.replicas)) }}
{{- end }}
{{- if not (or .Values.config.targets .Values.config.include) }}
{{- fail "config.targets is empty, so nothing would be probed. Put your configuration under `config:` (examples in ci/)." }}
{{- end }}
{{- range $key, $where := dict "state_dir" "is a volume (persistence)" "secrets" "is the chart's (secrets)" }}
{{- if hasKey $.Values.config $key }}
{{- fail (printf "config.%s: %s; take it out." $key $where) }}
{{- end }}
{{- end }}
{{- if hasKey (default dict .Values.config.export) "listen" }}
{{- fail "config.export.listen: Service and probes must know it; set `listen` at the top of the values in its place." }}
{{- end }}
{{- range $key, $_ := default dict .Values.config.storage }}
{{- if ne $key "keep" }}
{{- fail (printf "config.storage.%s: the job must know the database too; set `database` at the top of the values in its place." $key) }}
{{- end }}
{{- end }}
{{- if and .Values.database.host (not .Values.config.vantage) }}
{{- fail "config.vantage is missing: a named database may serve several places, so this one needs a name, as vantage: fra-1." }}
{{- end }}
{{- if and .Values.database.sslRootCert.configMap .Values.database.sslRootCert.secret }}
{{- fail "database.sslRootCert names a configMap and a secret; name one." }}
{{- end }}
{{- include "nephoscope.refuseSecrets" . }}
{{- include "nephoscope.refuseGrace" . }}
{{- end }}

{{- define "nephoscope.refuseSecrets" -}}
{{- $seen := dict }}
{{- range .Values.secrets }}
{{- if and (eq .path "database") $.Values.database.existingSecret }}
{{- fail (printf "secrets: %s stands at the path `database`, which belongs to database.existingSecret; name another path." .name) }}
{{- end }}
{{- if hasKey $seen .path }}
{{- fail (printf "secrets: %s and %s stand at the same path `%s`; give each its own." (get $seen .path) .name .path) }}
{{- end }}
{{- $_ := set $seen .path .name }}
{{- end }}
{{- end }}

{{/* A stop takes at most the longest timeout and 10 s; Kubernetes must not kill what still drains. */}}
{{- define "nephoscope.refuseGrace" -}}
{{- $grace := int .Values.terminationGracePeriodSeconds }}
{{- if lt $grace 40 }}
{{- fail (printf "terminationGracePeriodSeconds: %d: a stop takes up to the longest timeout, 30 s by default, and 10 s; give it 40 or more." $grace) }}
{{- end }}
{{- $files := prepend (values .Values.configFiles) .Values.config }}
{{- range $file := $files }}
{{- range (kindIs "slice" $file.probes | ternary $file.probes list) }}
{{- if kindIs "map" . }}
{{- /* What these kinds have where nothing is said: agent/config/kinds.py. */}}
{{- $usual := has .kind (list "throughput" "long-context") | ternary (dict "timeout" "2m") dict }}
{{- $own := list (merge (deepCopy .) $usual) }}
{{- range (kindIs "slice" .override | ternary .override list) }}
{{- $own = kindIs "map" . | ternary (append $own .) $own }}
{{- end }}
{{- $name := .name }}
{{- range $entry := $own }}
{{- range $key := list "timeout" "first_token" }}
{{- with get $entry $key }}
{{- $seconds := include "nephoscope.seconds" . | trim | float64 }}
{{- if gt (addf $seconds 10) (float64 $grace) }}
{{- fail (printf "terminationGracePeriodSeconds: %d: the probe %s may take %s, and a stop 10 s more; give it %v or more." $grace $name . (ceil (addf $seconds 10))) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A duration such as 1m30s in seconds. What is no duration is 0 here: `nephoscope check` tells it with its line. */}}
{{- define "nephoscope.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 "w" 604800.0 "y" 31536000.0 }}
{{- $sum := 0.0 }}
{{- range regexFindAll "[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w|y)" (toString .) -1 }}
{{- $number := regexFind "^[0-9.]+" . }}
{{- $sum = addf $sum (mulf (float64 $number) (get $units (trimPrefix $number .))) }}
{{- end }}
{{- $sum }}
{{- end }}
