{{/* The target of a list's entry, which is a string or a mapping. */}}
{{- define "netproof.text" -}}
{{- if kindIs "map" . }}{{ .target }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Whether a denied entry says that nobody at all may reach its target: `control: false`. */}}
{{- define "netproof.nobody" -}}
{{- if kindIs "map" . }}{{ if and (hasKey . "control") (kindIs "bool" .control) (not .control) }}true{{ end }}{{ end }}
{{- end }}

{{/*
The parts of a target: kind, name (of dns), host, port, rest; as JSON. What cannot be read is the checker's to refuse.
*/}}
{{- define "netproof.parts" -}}
{{- $text := include "netproof.text" . }}
{{- $kind := contains "://" $text | ternary (regexFind "^[^:]*" $text | lower) "tcp" }}
{{- $rest := regexReplaceAll "^[^:/]*://" $text "" }}
{{- $name := "" }}
{{- if eq $kind "dns" }}
{{- $name = regexFind "^[^@]*" $rest | lower }}
{{- $rest = contains "@" $rest | ternary (regexReplaceAll "^[^@]*@" $rest "") "" }}
{{- end }}
{{- $authority := regexFind "^[^/?]*" $rest }}
{{- $host := regexFind "^(\\[[^\\]]*\\]|[^:]*)" $authority | lower }}
{{- $port := regexFind "[0-9]+$" (trimPrefix $host ($authority | lower)) | default (get (dict "http" "80" "https" "443" "dns" "53") $kind) }}
{{- dict "kind" $kind "name" $name "host" $host "port" $port "rest" (trimPrefix $authority $rest) | toJson }}
{{- end }}

{{/* A host as another namespace must write it: a name without a dot is a Service next door. */}}
{{- define "netproof.host" -}}
{{- if and .host (regexMatch "^[^.:\\[]+$" .host) }}{{ .host }}.{{ .namespace }}{{ else }}{{ .host }}{{ end }}
{{- end }}

{{/* A target as the control must write it, of (dict "entry" … "namespace" …). */}}
{{- define "netproof.qualified" -}}
{{- $parts := include "netproof.parts" .entry | fromJson }}
{{- $host := include "netproof.host" (dict "host" $parts.host "namespace" .namespace) }}
{{- if eq $host $parts.host }}
{{- include "netproof.text" .entry }}
{{- else if eq $parts.kind "dns" }}
{{- printf "dns://%s@%s:%s" $parts.name $host $parts.port }}
{{- else }}
{{- printf "%s://%s:%s%s" $parts.kind $host $parts.port $parts.rest }}
{{- end }}
{{- end }}

{{/*
What a target is, however it is written, of (dict "entry" … "namespace" …). A Service has many names; and because a
denial of http or https is judged by its TCP connection alone, whoever may connect to that port vouches for it.
*/}}
{{- define "netproof.identity" -}}
{{- $parts := include "netproof.parts" .entry | fromJson }}
{{- $host := include "netproof.host" (dict "host" $parts.host "namespace" .namespace) }}
{{- $host = regexReplaceAll "^([^.]+\\..+?)\\.svc(\\.cluster\\.local)?\\.?$" $host "${1}" | trimSuffix "." }}
{{- $kind := has $parts.kind (list "http" "https") | ternary "tcp" $parts.kind }}
{{- printf "%s://%s@%s:%s" $kind $parts.name $host $parts.port }}
{{- end }}
