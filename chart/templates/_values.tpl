{{/*
Merge maps deeply, in place, of (dict "into" … "from" …). The last value counts, also if it is 0, false or empty; sprig's
merge ignores these. null removes a key, as in Helm.
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

{{/* Render the templates in a text, of (dict "root" $ "text" …). tpl is slow, so it is called only for a template. */}}
{{- define "netproof.filled" -}}
{{- if contains "{{" (default "" .text) }}{{ tpl .text .root }}{{ else }}{{ default "" .text }}{{ end }}
{{- end }}

{{/*
Render the name of a Secret or a ConfigMap, of (dict "root" $ "text" … "place" …). Refuse any other text, and do not show
it: it may be a URL, which is a secret. This is not in the schema, because Helm prints a value that the schema refuses.
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
*/}}
{{- define "netproof.object" -}}
{{- $name := include "netproof.filled" . }}
{{- if not (regexMatch "^$|^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" $name) }}
{{- fail (printf "%s: the value is not the name of a Secret or ConfigMap: use lower-case letters, digits, dots and hyphens" .place) }}
{{- end }}
{{- $name }}
{{- end }}

{{/* Render the names of Secrets and ConfigMaps of a vantage, in place, and refuse URLs in place of names. Of (dict "root" $ "vantage" …). */}}
{{- define "netproof.objects" -}}
{{- $vantage := .vantage }}
{{- range $place := list "existingConfigMap" "notifications.existingSecret" "heartbeat.existingSecret" }}
{{- $key := splitList "." $place | last }}
{{- $values := contains "." $place | ternary (get $vantage (splitList "." $place | first)) $vantage }}
{{- $_ := set $values $key (include "netproof.object" (dict "root" $.root "text" (get $values $key) "place" (printf "%s: vantage %q" $place $vantage.name))) }}
{{- end }}
{{- $secrets := list }}
{{- range $vantage.notifications.existingSecrets }}
{{- $secret := kindIs "map" . | ternary . (dict "name" .) }}
{{- $name := include "netproof.object" (dict "root" $.root "text" $secret.name "place" (printf "notifications.existingSecrets: vantage %q" $vantage.name)) }}
{{- $secrets = append $secrets (dict "name" $name "keys" (get $secret "keys")) }}
{{- end }}
{{- $_ := set $vantage.notifications "existingSecrets" $secrets }}
{{- if contains "://" ($vantage.notifications.sendTo | toJson) }}
{{- fail (printf "notifications.sendTo: vantage %q: found a URL; give the names of channels" $vantage.name) }}
{{- end }}
{{- if not (regexMatch "^$|^https?://\\S+$" (default "" $vantage.heartbeat.url)) }}
{{- fail (printf "heartbeat.url: vantage %q: the value is not an http or https URL" $vantage.name) }}
{{- end }}
{{- end }}

{{/* Labels or annotations: merge the maps of (dict "root" $ "maps" (list …)); the last value of a key counts. Empty if all are. */}}
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

{{/* The keys of a map that have a value. 0 and false are values; null, empty text, empty lists and empty maps are not. */}}
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
