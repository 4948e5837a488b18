{{/* netproof.yaml of a vantage: what the checker reads. It holds no secret. */}}
{{- define "netproof.config" -}}
{{- $config := include "netproof.given" (pick .settings "settle" "concurrency") | fromYaml }}
{{- $_ := set $config "deadline" (include "netproof.deadline" .) }}
{{- with include "netproof.given" (pick .settings "timeout" "closed") | fromYaml }}
{{- $_ := set $config "defaults" . }}
{{- end }}
{{- range $list, $targets := .targets }}
{{- with $targets }}
{{- $_ := set $config $list . }}
{{- end }}
{{- end }}
{{- if .isolated }}
{{- $_ := set $config "isolated" true }}
{{- end }}
{{- if eq .role "control" }}
{{- $_ := set $config "role" "control" }}
{{- end }}
{{- $vantage := pick . "name" "namespace" "cluster" "vouchedBy" }}
{{- $_ := set $vantage "labels" (default dict .podLabels) }}
{{- $_ := set $config "vantage" (include "netproof.given" $vantage | fromYaml) }}
{{- $notify := include "netproof.given" (dict "runbookUrl" .notifications.runbookUrl "cronjob" .fullname) | fromYaml }}
{{- if not (kindIs "invalid" .notifications.on) }}
{{- $_ := set $notify "on" .notifications.on }}
{{- end }}
{{- $_ := set $config "notify" $notify }}
{{- toYaml $config }}
{{- end }}

{{/*
The checker's own deadline: shorter than the Job's, so that it can still say what it saw. The Job's clock also runs
while the image is pulled, and messages take up to half a minute.
*/}}
{{- define "netproof.deadline" -}}
{{- $job := .job.activeDeadlineSeconds | int64 }}
{{- $own := .settings.deadline }}
{{- if $own }}
{{- $start := now }}
{{- $seconds := sub (mustDateModify $own $start | unixEpoch) (unixEpoch $start) }}
{{- if and $job (ge $seconds $job) }}
{{- fail (printf "settings.deadline: %s is not shorter than job.activeDeadlineSeconds (%d) of vantage %q: the Job would end before the checker can say why" $own $job .name) }}
{{- end }}
{{- $own }}
{{- else if not $job }}5m
{{- else if ge $job 120 }}{{ sub $job 60 }}s
{{- else }}{{ mul $job 500 }}ms
{{- end }}
{{- end }}
