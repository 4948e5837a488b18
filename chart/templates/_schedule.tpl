{{/*
A cron schedule, of (dict "schedule" … "name" … "place" …); place is its key, for messages. `H` is replaced by a number that is
made from the name, so that not all vantages run in the same minute: H, H/15, H(0-29) and H(0-29)/10, as in
Jenkins (https://www.jenkins.io/doc/book/pipeline/syntax/#cron-syntax).
*/}}
{{- define "netproof.schedule" -}}
{{- $place := printf "%s: %q" .place .schedule }}
{{- $fields := list }}
{{- range $index, $field := regexSplit "\\s+" (trim .schedule) -1 }}
{{- if regexMatch "^H(\\([0-9]+-[0-9]+\\))?(/[1-9][0-9]?)?$" $field }}
{{- $fields = append $fields (include "netproof.schedule.chosen" (dict "place" (printf "%s: %s" $place $field) "field" $field "index" $index "name" $.name)) }}
{{- else if contains "H" (regexReplaceAll "(?i)thu" $field "") }}
{{- fail (printf "%s: %q is not valid. Write H, H/15, H(0-29) or H(0-29)/10" $place $field) }}
{{- else }}
{{- $fields = append $fields $field }}
{{- end }}
{{- end }}
{{- if not (or (eq (len $fields) 5) (hasPrefix "@" .schedule)) }}
{{- fail (printf "%s is not a schedule. Write five fields, such as `H 8 * * 1-5`, or @hourly, @daily or @weekly" $place) }}
{{- end }}
{{- join " " $fields }}
{{- end }}

{{/* One field of a schedule, with its H replaced. Days of the month stop at the 28th, which every month has. */}}
{{- define "netproof.schedule.chosen" -}}
{{- $range := index (list (list 0 59) (list 0 23) (list 1 28) (list 1 12) (list 0 6)) (min .index 4 | int) }}
{{- $given := regexFindAll "[0-9]+" (regexFind "\\(.*\\)" .field) -1 }}
{{- if $given }}
{{- $possible := $range }}
{{- $range = list (first $given | atoi) (last $given | atoi) }}
{{- if or (lt (first $range) (first $possible)) (gt (first $range) (last $range)) (gt (last $range) (last $possible)) }}
{{- fail (printf "%s is not valid: the range must be within %d-%d" .place (first $possible) (last $possible)) }}
{{- end }}
{{- end }}
{{- $step := regexFind "/.*" .field | trimPrefix "/" | default "0" | atoi }}
{{- $span := sub (last $range) (first $range) | add1 }}
{{- if $step }}
{{- $span = min $step $span }}
{{- end }}
{{- $digits := regexReplaceAll "[^0-9]" (printf "%s/%d" .name .index | sha256sum) "" | trunc 9 }}
{{- $start := add (first $range) (mod (printf "1%s" $digits | atoi) $span) }}
{{- $start }}{{ if $step }}-{{ last $range }}/{{ $step }}{{ end }}
{{- end }}
