{{/* The names of the chart and of the release, with the usual overrides of Helm charts. */}}
{{- define "netproof.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "netproof.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name }}
{{- end }}
{{- end }}

{{/*
Shorten a name to the 52 characters that a CronJob may have (its Jobs append 11). A shortened name ends in a hash of the
whole name, so that names with the same beginning stay distinct. Dots, which a release's name may contain, are
replaced: with dots, pods would get unexpected host names.
*/}}
{{- define "netproof.cut" -}}
{{- $whole := . | replace "." "-" }}
{{- if or (gt (len $whole) 52) (ne $whole .) }}
{{- printf "%s-%s" ($whole | trunc 43 | trimSuffix "-") (. | sha256sum | trunc 8) }}
{{- else }}
{{- $whole }}
{{- end }}
{{- end }}

{{/* A label's value: 63 characters that end in a letter or digit. */}}
{{- define "netproof.label" -}}
{{- . | toString | replace "+" "_" | trunc 63 | trimAll "-_." }}
{{- end }}

{{/* The labels that Kubernetes recommends, of (dict "root" $ "vantage" $vantage). */}}
{{- define "netproof.recommended" -}}
app.kubernetes.io/name: {{ include "netproof.label" (printf "%s%s" (include "netproof.name" .root) (eq .vantage.role "reporter" | ternary "-reporter" "")) | quote }}
app.kubernetes.io/instance: {{ include "netproof.label" .root.Release.Name | quote }}
app.kubernetes.io/component: {{ include "netproof.label" .vantage.name | quote }}
{{- end }}

{{/*
The release, as the reporter and `netproof status` name it. One release may contain this chart several times, each time
with a name of its own.
*/}}
{{- define "netproof.release" -}}
{{- $name := include "netproof.name" . }}
{{- include "netproof.label" (eq $name "netproof" | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) }}
{{- end }}

{{/*
Labels by which the chart and the reporter find the objects of a vantage or of the reporter; they replace all others of the
same key. A vantage has its own two labels, because an application's labels may replace the recommended ones.
*/}}
{{- define "netproof.selectors" -}}
{{- if eq .vantage.role "reporter" }}
{{- include "netproof.recommended" . }}
{{- else -}}
netproof-release: {{ include "netproof.release" .root | quote }}
netproof-vantage: {{ include "netproof.label" .vantage.name | quote }}
{{- end }}
{{- end }}

{{/* Labels of every object except pods, which have the labels that policies select and few others. */}}
{{- define "netproof.labels" -}}
{{- $labels := include "netproof.recommended" . | fromYaml }}
{{- $_ := set $labels "app.kubernetes.io/version" (include "netproof.label" .root.Chart.AppVersion) }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- $_ := set $labels "app.kubernetes.io/part-of" "netproof" }}
{{- $_ := set $labels "helm.sh/chart" (include "netproof.label" (printf "%s-%s" .root.Chart.Name .root.Chart.Version)) }}
{{- include "netproof.layers" (dict "root" .root "maps" (list $labels .root.Values.commonLabels (include "netproof.selectors" . | fromYaml))) }}
{{- end }}

{{/*
The metadata of an object, of (dict "root" $ "vantage" $vantage "name" "…"), with "labels" and "annotations" of its own.
*/}}
{{- define "netproof.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .vantage.namespace | quote }}
labels:
  {{- include "netproof.layers" (dict "root" .root "maps" (list (include "netproof.labels" . | fromYaml) .labels)) | nindent 2 }}
{{- with include "netproof.layers" (dict "root" .root "maps" (list .root.Values.commonAnnotations .annotations)) }}
annotations:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
