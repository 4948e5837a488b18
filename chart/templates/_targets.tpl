{{/* The kinds of target of files/kinds.json, one pattern for all of them, and which kinds have a setting; as JSON. */}}
{{- define "netproof.kinds" -}}
{{- $kinds := .Files.Get "files/kinds.json" | fromJson }}
{{- $patterns := list }}
{{- $owners := dict }}
{{- range $name, $kind := $kinds }}
{{- $patterns = append $patterns (printf "%s%s" (eq $name "tcp" | ternary "(tcp://)?" (printf "%s://" $name)) $kind.pattern) }}
{{- range $kind.settings }}
{{- $_ := set $owners . (append (get $owners . | default list) $name) }}
{{- end }}
{{- end }}
{{- dict "kinds" $kinds "pattern" (join "|" $patterns) "owners" $owners | toJson }}
{{- end }}

{{/*
Write both lists of a vantage, as lines of YAML, into $vantage.lists, and add its denied targets to .denied, the list of the
control. An isolated vantage does not use the allow lists of the top level.
*/}}
{{- define "netproof.lists" -}}
{{- $targets := .vantage.targets }}
{{- $common := default dict .common }}
{{- if .vantage.isolated }}
{{- $common = omit $common "allow" }}
{{- if and .own (not (dig "targets" "allow" list .own)) }}
{{- $targets = omit $targets "allow" }}
{{- end }}
{{- end }}
{{- $_ := set .vantage "network" dict }}
{{- $lists := dict "allow" "" "deny" "" }}
{{- $listed := dict }}
{{- range $part := list (list "targets" $targets) (list "commonTargets" $common) }}
{{- range $list, $lines := $lists }}
{{- $more := include "netproof.list" (dict "root" $.root "vantage" $.vantage "denied" $.denied "listed" $listed "list" $list "source" (first $part) "entries" (get (last $part) $list | default list)) }}
{{- $_ := set $lists $list (printf "%s%s" $lines $more) }}
{{- end }}
{{- end }}
{{- $_ := set .vantage "lists" $lists }}
{{- include "netproof.sensible" .vantage }}
{{- end }}

{{/*
One list from one source, "targets" or "commonTargets". Mistakes that the checker would refuse are refused here. A target of
the vantage replaces the same common target. Text and dicts are used because sprig's append copies the whole list each time.
*/}}
{{- define "netproof.list" -}}
{{- $place := printf "%s.%s of vantage %q" .source .list .vantage.name }}
{{- include "netproof.readable" (dict "root" .root "entries" .entries "place" $place) }}
{{- range $entry := .entries }}
{{- $check := dict }}
{{- if kindIs "map" $entry }}{{ $check = omit $entry "target" }}{{ end }}
{{- $text := include "netproof.target" (dict "root" $.root "entry" $entry) }}
{{- $target := include "netproof.parts" (dict "kinds" $.root.netproof.kinds "target" $text) | fromJson }}
{{- $before := get $.listed $target.key | default dict }}
{{- if not (and (eq $.source "commonTargets") $before.own) }}
{{- with get $before $.list }}
{{- fail (printf "%s: %s is a duplicate of %s" $place $text .) }}
{{- end }}
{{- $_ := set $before $.list $text }}
{{- $_ := set $.listed $target.key $before }}
{{- if eq $.source "targets" }}{{ $_ := set $before "own" true }}{{ end }}
{{- if not (get (get $.root.netproof.kinds $target.kind) "own") }}
{{- $_ := set $.vantage.network $.list true }}
{{- end }}
{{- include "netproof.fitting" (dict "root" $.root "place" $place "list" $.list "target" $text "kind" $target.kind "name" $target.authority "check" $check) }}
{{- if and (eq $.vantage.role "vantage") (eq $.list "deny") }}
{{- include "netproof.denied" (dict "kinds" $.root.netproof.kinds "denied" $.denied "vantage" $.vantage "target" $target "text" $text "check" $check) }}
{{- end }}
- {{ if kindIs "map" $entry }}{{ set $check "target" $text | toRawJson }}{{ else }}{{ toRawJson $text }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The target of an entry, with its templates rendered. The target of a command is its name. */}}
{{- define "netproof.target" -}}
{{- $entry := kindIs "map" .entry | ternary .entry (dict "target" .entry) }}
{{- if and (hasKey $entry "command") (not $entry.target) }}
{{- $entry = dict "target" (printf "command://%s" (get $entry "name")) }}
{{- end }}
{{- include "netproof.filled" (dict "root" .root "text" ($entry | dig "target" "")) }}
{{- end }}

{{/* The parts of a target, as JSON. All spellings of a target have the same key. */}}
{{- define "netproof.parts" -}}
{{- $kind := "tcp" }}
{{- $rest := .target }}
{{- if contains "://" .target }}
{{- $halves := splitn "://" 2 .target }}
{{- $kind = lower $halves._0 }}
{{- $rest = $halves._1 }}
{{- end }}
{{- $halves := splitn "/" 2 $rest }}
{{- $authority := lower $halves._0 }}
{{- $port := get (get .kinds $kind) "port" | default "none" | toString }}
{{- $key := printf "%s://%s/%s" $kind (trimSuffix (printf ":%s" $port) $authority) (default "" $halves._1) }}
{{- dict "kind" $kind "rest" $rest "authority" $authority "key" $key | toJson }}
{{- end }}

{{/* Refuse targets that the checker would reject. There is one pattern for all, because compiling a pattern is slow. */}}
{{- define "netproof.readable" -}}
{{- $unreadable := regexReplaceAll (printf "(?mi)^\"(%s)\"\n" .root.netproof.pattern) (include "netproof.texts" .) "" | trim }}
{{- if $unreadable }}
{{- $target := splitList "\n" $unreadable | first | printf "[%s]" | fromJsonArray | first }}
{{- if not $target }}
{{- fail (printf "%s: an entry has neither `target` nor `command`" .place) }}
{{- end }}
{{- $kind := contains "://" $target | ternary (splitn "://" 2 $target)._0 "tcp" }}
{{- if not (hasKey .root.netproof.kinds (lower $kind)) }}
{{- fail (printf "%s: %q: unknown kind of target %q; the kinds are %s" .place $target $kind (keys .root.netproof.kinds | sortAlpha | join ", ")) }}
{{- end }}
{{- fail (printf "%s: %q is not a valid target; write %s, with a port from 1 to 65535" .place $target (get .root.netproof.kinds (lower $kind)).form) }}
{{- end }}
{{- end }}

{{- define "netproof.texts" -}}
{{- range .entries }}
{{- include "netproof.target" (dict "root" $.root "entry" .) | toRawJson }}
{{ end }}
{{- end }}

{{/* Refuse settings that a check of this kind does not have, and a check without a setting that it needs. */}}
{{- define "netproof.fitting" -}}
{{- range $key, $value := .check }}
{{- $owners := get $.root.netproof.owners $key }}
{{- if and $owners (not (kindIs "invalid" $value)) (not (has $.kind $owners)) }}
{{- fail (printf "%s: %s: %s is a setting of %s targets, not of %s" $.place $.target $key (join " and " $owners) $.kind) }}
{{- end }}
{{- end }}
{{- with (get .root.netproof.kinds .kind).needs }}
{{- if and (eq $.list "allow") (not (get $.check .)) }}
{{- fail (printf "%s: %s: a %s target on the allow list needs a %s that the server answers" $.place $.target $.kind .) }}
{{- end }}
{{- end }}
{{- with get (get .root.netproof.kinds .kind | dig "lists" dict) .name }}
{{- if ne . $.list }}
{{- fail (printf "%s: %s belongs on the %s list" $.place $.target .) }}
{{- end }}
{{- end }}
{{- if and .check.proxy (eq .list "deny") }}
{{- fail (printf "%s: %s: proxy is a setting of the allow list; a denied target is always tried directly" .place .target) }}
{{- end }}
{{- end }}

{{/*
Add a denied target to the list of the control, only once if several vantages deny it. A name without a dot is a Service in
the namespace of the vantage; the control may be in another one, so the namespace is appended.
*/}}
{{- define "netproof.denied" -}}
{{- $text := .text }}
{{- $key := .target.key }}
{{- $own := or (get (get .kinds .target.kind) "own") (eq .target.kind "command") }}
{{- $host := splitList "@" .target.authority | last }}
{{- if not (or $own (contains "." $host) (contains "[" $host) (and (eq .target.kind "dns") (eq $host .target.authority))) }}
{{- $rest := regexReplaceAll "^([^/@]*@)?([^:/?@]+)(.*)$" .target.rest (printf "${1}${2}.%s${3}" .vantage.namespace) }}
{{- $text = printf "%s://%s" .target.kind $rest }}
{{- $key = (include "netproof.parts" (dict "kinds" .kinds "target" $text) | fromJson).key }}
{{- end }}
{{- if not (or $own (and (hasKey .check "control") (kindIs "bool" .check.control) (not .check.control))) }}
{{- $before := get .denied $key }}
{{- if $before }}
{{- $_ := set $before "because" (printf "%s, %s" $before.because .vantage.name | trunc 1000) }}
{{- else }}
{{- $reason := get .check "because" }}
{{- $because := printf "%sdenied from %s" (empty $reason | ternary "" (printf "%s; " $reason)) .vantage.name | trunc 1000 }}
{{- $check := omit .check "closed" "control" }}
{{- $_ := set $check "target" $text }}
{{- $_ := set $check "because" $because }}
{{- $_ := set .denied $key $check }}
{{- end }}
{{- end }}
{{- end }}
