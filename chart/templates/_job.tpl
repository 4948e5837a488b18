{{/*
The metadata and spec of a vantage's Job, of (dict "root" $ "vantage" $vantage), for the CronJob and for `helm test`. With
"quiet" it sends no messages; with "trial" it sends a test message instead of checking. A test has its own "name" and
"annotations".
*/}}
{{- define "netproof.job" -}}
metadata:
  {{- with .name }}
  name: {{ . | quote }}
  namespace: {{ $.vantage.namespace | quote }}
  {{- end }}
  labels:
    {{- include "netproof.layers" (dict "root" .root "maps" (list (include "netproof.labels" . | fromYaml) .vantage.job.labels)) | nindent 4 }}
  {{- with include "netproof.layers" (dict "root" .root "maps" (list .root.Values.commonAnnotations .vantage.job.annotations .annotations)) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- include "netproof.given" (pick .vantage.job "backoffLimit" "activeDeadlineSeconds" "ttlSecondsAfterFinished") | nindent 2 }}
  {{- if get (default dict .vantage.job.podFailurePolicy) "rules" }}
  podFailurePolicy:
    {{- toYaml .vantage.job.podFailurePolicy | nindent 4 }}
  {{- end }}
  template:
    metadata:
      {{- include "netproof.podMetadata" . | nindent 6 }}
    spec:
      {{- include "netproof.podSpec" . | nindent 6 }}
{{- end }}
