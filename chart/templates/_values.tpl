{{/*
Merge maps deeply, in place, of (dict "into" … "from" …). The last value wins, also when it is 0, false or empty, which
is where sprig's merge differs; null removes a key, as in Helm.
*/}}
{{- define "netproof.merge" -}}
{{- range $key, $value := .from }}
{{- if kindIs "map" $value }}
{{- if not (kindIs "map" (get $.into $key)) }}
{{- $_ := set $.into $key dict }}
{{- end }}
{{- include "netproof.merge" (dict "into" (get $.into $key) "from" $value) }}
{{- else if kindIs "invalid" $value }}
{{- $_ := unset $.into $key }}
{{- else }}
{{- $_ := set $.into $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* Fill in the templates of a text, of (dict "root" $ "text" …). tpl is slow, so only where there are any. */}}
{{- define "netproof.filled" -}}
{{- if contains "{{" (default "" .text) }}{{ tpl .text .root }}{{ else }}{{ default "" .text }}{{ end }}
{{- end }}

{{/*
Fill in the names of Secrets, in place, of (dict "root" $ "vantage" …), and refuse a URL where a name belongs: it would
be in a manifest that is no Secret. URLs are checked here, because Helm prints a value that its schema refuses.
*/}}
{{- define "netproof.secrets" -}}
{{- $vantage := .vantage }}
{{- range $part := list "notifications" "heartbeat" }}
{{- $values := get $vantage $part }}
{{- $_ := set $values "existingSecret" (include "netproof.filled" (dict "root" $.root "text" $values.existingSecret)) }}
{{- range $key := list "existingSecret" "existingSecrets" "sendTo" }}
{{- if contains "://" (get $values $key | toJson) }}
{{- fail (printf "%s.%s: vantage %q has a URL there, but a name belongs there" $part $key $vantage.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^$|^https?://\\S+$" (default "" $vantage.heartbeat.url)) }}
{{- fail (printf "heartbeat.url: vantage %q has a text there that is not an http or https URL" $vantage.name) }}
{{- end }}
{{- end }}

{{/* Labels or annotations: maps of (dict "root" $ "maps" (list …)) laid over each other. Nothing when all are empty. */}}
{{- define "netproof.layers" -}}
{{- $whole := dict }}
{{- range .maps }}
{{- range $key, $value := . }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $whole $key }}
{{- else }}
{{- $_ := set $whole $key (include "netproof.filled" (dict "root" $.root "text" $value)) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $whole }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* The keys of a map that have a value: 0 and false count, null and empty values are left out. */}}
{{- define "netproof.given" -}}
{{- $given := dict }}
{{- range $key, $value := . }}
{{- if or $value (kindIs "bool" $value) (kindIs "float64" $value) (kindIs "int64" $value) (kindIs "int" $value) }}
{{- $_ := set $given $key $value }}
{{- end }}
{{- end }}
{{- with $given }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* A duration such as 1h30m in seconds. */}}
{{- define "netproof.seconds" -}}
{{- $seconds := 0.0 }}
{{- range regexFindAll "[0-9.]+[a-z]+" (toString .) -1 }}
{{- $unit := regexFind "[a-z]+" . }}
{{- $seconds = addf $seconds (mulf (trimSuffix $unit . | float64) (get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit)) }}
{{- end }}
{{- $seconds }}
{{- end }}
