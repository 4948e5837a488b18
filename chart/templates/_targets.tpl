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
{{- $kind := "tcp" }}
{{- $name := "" }}
{{- $rest := include "netproof.text" . }}
{{- if contains "://" $rest }}
{{- $halves := splitn "://" 2 $rest }}
{{- $kind = lower $halves._0 }}
{{- $rest = $halves._1 }}
{{- end }}
{{- if eq $kind "dns" }}
{{- $halves := splitn "@" 2 $rest }}
{{- $name = lower $halves._0 }}
{{- $rest = default "" $halves._1 }}
{{- end }}
{{- $authority := regexFind "^[^/?]*" $rest }}
{{- $host := regexFind "^(\\[[^\\]]*\\]|[^:]*)" $authority }}
{{- $port := trimPrefix $host $authority | trimPrefix ":" | default (get (dict "http" "80" "https" "443" "dns" "53") $kind) }}
{{- dict "kind" $kind "name" $name "host" (lower $host) "port" $port "rest" (trimPrefix $authority $rest) | toJson }}
{{- end }}

{{/* A host as another namespace must write it: a name without a dot is a Service next door. */}}
{{- define "netproof.host" -}}
{{- if or (not .host) (contains "." .host) (contains "[" .host) }}{{ .host }}{{ else }}{{ .host }}.{{ .namespace }}{{ end }}
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
{{- if contains ".svc" $host }}
{{- $host = regexReplaceAll "^([^.]+\\..+?)\\.svc(\\.cluster\\.local)?\\.?$" $host "${1}" }}
{{- end }}
{{- $kind := has $parts.kind (list "http" "https") | ternary "tcp" $parts.kind }}
{{- printf "%s://%s@%s:%s" $kind $parts.name (trimSuffix "." $host) $parts.port }}
{{- end }}
