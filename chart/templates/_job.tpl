{{/*
The Job of a vantage, metadata and spec, of (dict "root" $ "vantage" $vantage): for the CronJob, and for `helm test`,
where "quiet" makes it tell nobody, and "trial" sends a trial message instead of checking; "name" and "annotations"
are of its own.
*/}}
{{- define "netproof.job" -}}
metadata:
  {{- with .name }}
  name: {{ . }}
  namespace: {{ $.vantage.namespace }}
  {{- end }}
  labels:
    {{- include "netproof.layers" (list (include "netproof.labels" . | fromYaml) .vantage.job.labels) | nindent 4 }}
  {{- with include "netproof.layers" (list .root.Values.commonAnnotations .vantage.job.annotations .annotations) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- include "netproof.given" (pick .vantage.job "backoffLimit" "activeDeadlineSeconds" "ttlSecondsAfterFinished") | nindent 2 }}
  {{- if dig "podFailurePolicy" "rules" list .vantage.job }}
  podFailurePolicy:
    {{- toYaml .vantage.job.podFailurePolicy | nindent 4 }}
  {{- end }}
  template:
    metadata:
      {{- include "netproof.podMetadata" . | nindent 6 }}
    spec:
      {{- include "netproof.podSpec" . | nindent 6 }}
{{- end }}
