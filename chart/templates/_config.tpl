{{/* netproof.yaml of a vantage: what the checker reads. It contains no secret. */}}
{{- define "netproof.config" -}}
{{- $root := .root }}
{{- with .vantage }}
{{- range $list, $lines := .lists }}
{{- if $lines }}
{{ $list }}:
{{- $lines }}
{{- end }}
{{- end }}
{{- $config := include "netproof.given" (pick .settings "settle" "concurrency") | fromYaml }}
{{- $_ := set $config "deadline" (include "netproof.deadline" .) }}
{{- with include "netproof.given" (omit .settings "settle" "concurrency" "deadline") | fromYaml }}
{{- $_ := set $config "defaults" . }}
{{- end }}
{{- if .isolated }}
{{- $_ := set $config "isolated" true }}
{{- end }}
{{- if eq .role "control" }}
{{- $_ := set $config "role" "control" }}
{{- end }}
{{- $vantage := pick . "name" "namespace" "cluster" }}
{{- $_ := set $vantage "labels" (include "netproof.layers" (dict "root" $root "maps" (list .podLabels)) | fromYaml) }}
{{- $_ := set $config "vantage" (include "netproof.given" $vantage | fromYaml) }}
{{- $notify := include "netproof.given" (dict "runbookUrl" .notifications.runbookUrl "cronjob" (eq .mode "continuous" | ternary "" .fullname)) | fromYaml }}
{{- if not (kindIs "invalid" .notifications.notifyOn) }}
{{- $_ := set $notify "notifyOn" .notifications.notifyOn }}
{{- end }}
{{- $_ := set $config "notify" $notify }}
{{ toYaml $config }}
{{- end }}
{{- end }}

{{/*
The deadline of the checker. It is shorter than that of the Job, so that the checker can still report. The time of the Job
includes pulling the image, and sending messages takes up to half a minute.
*/}}
{{- define "netproof.deadline" -}}
{{- $job := .job.activeDeadlineSeconds | int64 }}
{{- $own := .settings.deadline }}
{{- if $own }}
{{- if and $job (ge (include "netproof.seconds" $own | float64) (float64 $job)) }}
{{- fail (printf "settings.deadline: %s is not shorter than job.activeDeadlineSeconds (%d) of vantage %q: the Job would end before the checker can report why" $own $job .name) }}
{{- end }}
{{- $own }}
{{- else if not $job }}5m
{{- else if ge $job 120 }}{{ sub $job 60 }}s
{{- else }}{{ mul $job 500 }}ms
{{- end }}
{{- end }}
