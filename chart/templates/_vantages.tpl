{{/*
The vantages of the release, complete: the JSON list that every other template ranges over. Each is the chart's
values with its own merged over them, and
  name, fullname, namespace   what it is called, what its objects are called, where they live
  role                        vantage or control
  targets                     with the common ones
  identities                  target, as it is written here -> what it is, however it is written
  vouchedBy                   denied target, as it is written here -> the vantage or control that shows it alive
  unproven, nobody            denied targets that nothing vouches for; those that nobody at all may reach
*/}}
{{- define "netproof.vantages" -}}
{{- $vantages := list }}
{{- $shared := include "netproof.shared" . | fromJson }}
{{- $fullname := include "netproof.fullname" . }}
{{- $named := dict }}
{{- include "netproof.merge" (dict "into" $named "from" (default dict .Values.vantages)) }}
{{- if not .Values.enabled }}
{{- else if $named }}
{{- range $name, $own := $named }}
{{- $fullname := printf "%s-%s" $fullname $name }}
{{- $vantages = append $vantages (include "netproof.vantage" (dict "root" $ "shared" $shared "name" $name "fullname" $fullname "own" $own) | fromJson) }}
{{- end }}
{{- else }}
{{- $vantages = append $vantages (include "netproof.vantage" (dict "root" . "shared" $shared "name" $fullname "fullname" $fullname "own" dict) | fromJson) }}
{{- end }}
{{- $vouchers := include "netproof.vouchers" $vantages | fromJson }}
{{- $control := dict }}
{{- if and $vantages .Values.control.enabled }}
{{- $control = include "netproof.control" (dict "root" $ "shared" $shared "vantages" $vantages "vouchers" $vouchers) | fromJson }}
{{- end }}
{{- $alive := dict }}
{{- range dig "targets" "deny" list $control }}
{{- $_ := set $alive (include "netproof.identity" (dict "entry" . "namespace" $control.namespace)) true }}
{{- end }}
{{- range $vantages }}
{{- include "netproof.vouch" (dict "vantage" . "vantages" $vantages "vouchers" $vouchers "control" $control "alive" $alive) }}
{{- end }}
{{- if $control }}
{{- $vantages = append $vantages $control }}
{{- end }}
{{- toJson $vantages }}
{{- end }}

{{/* What all vantages share: the values without those that are the release's alone. */}}
{{- define "netproof.shared" -}}
{{- $shared := omit .Values "global" "enabled" "nameOverride" "fullnameOverride" "namespaceOverride" "commonLabels" "commonAnnotations" "commonTargets" "vantages" "control" "extraObjects" | deepCopy }}
{{- include "netproof.on" $shared }}
{{- toJson $shared }}
{{- end }}

{{/* One vantage, of (dict "root" $ "shared" … "name" … "fullname" … "own" …). */}}
{{- define "netproof.vantage" -}}
{{- $vantage := .shared | deepCopy }}
{{- $own := default dict .own | deepCopy }}
{{- include "netproof.on" $own }}
{{- include "netproof.merge" (dict "into" $vantage "from" $own) }}
{{- $_ := set $vantage "name" .name }}
{{- $_ := set $vantage "role" "vantage" }}
{{- $_ := set $vantage "fullname" (include "netproof.cut" .fullname) }}
{{- $_ := set $vantage "namespace" (default (default .root.Release.Namespace .root.Values.namespaceOverride) $vantage.namespace) }}
{{- include "netproof.targets" (dict "root" .root "vantage" $vantage "own" $own) }}
{{- toJson $vantage }}
{{- end }}

{{/*
The lists of a vantage. Common targets join its own, but for those that it lists itself. One that is meant to reach
nothing takes no allow list from elsewhere.
*/}}
{{- define "netproof.targets" -}}
{{- $vantage := .vantage }}
{{- $allow := default list $vantage.targets.allow }}
{{- $deny := default list $vantage.targets.deny }}
{{- if and $vantage.isolated .own (not (dig "targets" "allow" list .own)) }}
{{- $allow = list }}
{{- end }}
{{- $identities := dict }}
{{- $listed := dict }}
{{- range concat $allow $deny }}
{{- $identity := include "netproof.identity" (dict "entry" . "namespace" $vantage.namespace) }}
{{- $_ := set $identities (include "netproof.text" .) $identity }}
{{- $_ := set $listed $identity true }}
{{- end }}
{{- range $list, $common := .root.Values.commonTargets }}
{{- range $common }}
{{- $identity := include "netproof.identity" (dict "entry" . "namespace" $vantage.namespace) }}
{{- if not (or (hasKey $listed $identity) (and $vantage.isolated (eq $list "allow"))) }}
{{- $_ := set $identities (include "netproof.text" .) $identity }}
{{- if eq $list "allow" }}
{{- $allow = append $allow . }}
{{- else }}
{{- $deny = append $deny . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $vantage "identities" $identities }}
{{- $_ := set $vantage "targets" (dict "allow" $allow "deny" $deny) }}
{{- include "netproof.sensible" $vantage }}
{{- end }}

{{/* What no run could make sense of is refused before it is installed. */}}
{{- define "netproof.sensible" -}}
{{- if not .existingConfigMap }}
{{- if not (or .targets.allow .targets.deny) }}
{{- fail (printf "targets: vantage %q has nothing to check. Give targets.allow (what must be reachable) and targets.deny (what must not), or existingConfigMap" .name) }}
{{- end }}
{{- if not (or .isolated .targets.allow) }}
{{- fail (printf "targets.allow: vantage %q has a deny list alone, which proves nothing: a pod without a network passes it, too. Allow a target that must be reachable, or say isolated: true" .name) }}
{{- end }}
{{- end }}
{{- if and .isolated .targets.allow }}
{{- fail (printf "isolated: vantage %q is meant to reach nothing, so it has no targets.allow" .name) }}
{{- end }}
{{- end }}

{{/*
The control: one more vantage, whose list is every denied target that no vantage allows and that does not say
`control: false`. Nothing when there is none. It takes no place or list from the values that vantages share:
the labels of an application would shut it in as they do the application.
*/}}
{{- define "netproof.control" -}}
{{- $own := omit .root.Values.control "enabled" | deepCopy }}
{{- include "netproof.on" $own }}
{{- $control := omit .shared "podLabels" "targets" "existingConfigMap" "isolated" | deepCopy }}
{{- include "netproof.merge" (dict "into" $control "from" $own) }}
{{- $_ := set $control "name" "control" }}
{{- $_ := set $control "role" "control" }}
{{- $_ := set $control "fullname" (include "netproof.cut" (printf "%s-control" (include "netproof.fullname" .root))) }}
{{- $_ := set $control "namespace" (default (default .root.Release.Namespace .root.Values.namespaceOverride) $control.namespace) }}
{{- $targets := default dict $own.targets }}
{{- $deny := default list $targets.deny }}
{{- $seen := dict }}
{{- range $deny }}
{{- $_ := set $seen (include "netproof.identity" (dict "entry" . "namespace" $control.namespace)) dict }}
{{- end }}
{{- range $vantage := .vantages }}
{{- if eq $vantage.name "control" }}
{{- fail "vantages.control: this name is the control's; call the vantage something else" }}
{{- end }}
{{- if and $vantage.existingConfigMap (not $deny) (not $own.existingConfigMap) }}
{{- fail (printf "control: the lists in existingConfigMap %q (vantage %q) cannot be read while rendering, so the control needs a list of its own: name in control.targets.deny what it is to show alive, or set control.enabled to false" $vantage.existingConfigMap $vantage.name) }}
{{- end }}
{{- end }}
{{- range $vantage := .vantages }}
{{- range $entry := $vantage.targets.deny }}
{{- $identity := get $vantage.identities (include "netproof.text" $entry) }}
{{- if hasKey $seen $identity }}
{{- with get $seen $identity }}
{{- $_ := set . "because" (printf "%s, %s" .because $vantage.name | trunc 1000) }}
{{- end }}
{{- else if not (or (include "netproof.nobody" $entry) (without (default list (get $.vouchers $identity)) $vantage.name)) }}
{{- $check := kindIs "map" $entry | ternary (omit (kindIs "map" $entry | ternary $entry dict) "closed" "control") dict }}
{{- $_ := set $check "target" (include "netproof.qualified" (dict "entry" $entry "namespace" $vantage.namespace)) }}
{{- $_ := set $check "because" (printf "%sdenied from %s" (empty $check.because | ternary "" (printf "%s; " $check.because)) $vantage.name | trunc 1000) }}
{{- $_ := set $seen $identity $check }}
{{- $deny = append $deny $check }}
{{- end }}
{{- end }}
{{- end }}
{{- if or $deny $own.existingConfigMap }}
{{- $_ := set $control "targets" (dict "allow" (default list $targets.allow) "deny" $deny) }}
{{- toJson $control }}
{{- else }}
{{- toJson dict }}
{{- end }}
{{- end }}

{{/*
Work out who vouches for what a vantage denies; into the vantage. Of (dict "vantage" … "vantages" … "vouchers" …
"control" … "alive" …); what is alive are the identities that the control shows to be.
*/}}
{{- define "netproof.vouch" -}}
{{- $vouchedBy := dict }}
{{- $unproven := list }}
{{- $nobody := list }}
{{- range $entry := .vantage.targets.deny }}
{{- $target := include "netproof.text" $entry }}
{{- $identity := get $.vantage.identities $target }}
{{- $voucher := without (default list (get $.vouchers $identity)) $.vantage.name | first }}
{{- if include "netproof.nobody" $entry }}
{{- $nobody = append $nobody $target }}
{{- else if $voucher }}
{{- $_ := set $vouchedBy $target $voucher }}
{{- else if hasKey $.alive $identity }}
{{- $_ := set $vouchedBy $target "control" }}
{{- else }}
{{- $unproven = append $unproven $target }}
{{- end }}
{{- end }}
{{- if .vantage.existingConfigMap }}
{{- /* Its lists cannot be read here: it is told of all that is known to be alive, near names in their short form, too. */}}
{{- range $vantage := append .vantages .control }}
{{- if and $vantage (ne $vantage.name $.vantage.name) (not $vantage.cronjob.suspend) }}
{{- range get $vantage.targets (ternary "deny" "allow" (eq $vantage.role "control")) }}
{{- $target := include "netproof.qualified" (dict "entry" . "namespace" $vantage.namespace) }}
{{- $_ := set $vouchedBy $target $vantage.name }}
{{- $_ := set $vouchedBy ($target | replace (printf ".%s:" $.vantage.namespace) ":") $vantage.name }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set .vantage "vouchedBy" $vouchedBy }}
{{- $_ := set .vantage "unproven" $unproven }}
{{- $_ := set .vantage "nobody" $nobody }}
{{- end }}

{{/*
Who shows which target alive by allowing it: the names of vantages by identity, as JSON. One that is suspended shows
nothing, nor does one that asks a proxy.
*/}}
{{- define "netproof.vouchers" -}}
{{- $vouchers := dict }}
{{- range $vantage := . }}
{{- range eq true $vantage.cronjob.suspend | ternary list $vantage.targets.allow }}
{{- if not (and (kindIs "map" .) .proxy) }}
{{- $identity := get $vantage.identities (include "netproof.text" .) }}
{{- $_ := set $vouchers $identity (append (default list (get $vouchers $identity)) $vantage.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $vouchers }}
{{- end }}

{{/*
Merge maps deeply, in place, of (dict "into" … "from" …). What is said last counts, 0, false and empty too, which is
where sprig's merge differs; null takes a key away, as it does in Helm.
*/}}
{{- define "netproof.merge" -}}
{{- range $key, $value := .from }}
{{- if and (kindIs "map" $value) (kindIs "map" (get $.into $key)) }}
{{- include "netproof.merge" (dict "into" (get $.into $key) "from" $value) }}
{{- else if kindIs "invalid" $value }}
{{- $_ := unset $.into $key }}
{{- else }}
{{- $_ := set $.into $key $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* Helm reads YAML 1.1, where the plain word `on` is a truth value, and its key then "true". Put it right, in place. */}}
{{- define "netproof.on" -}}
{{- with .notifications }}
{{- if and (hasKey . "true") (not (hasKey . "on")) }}
{{- $_ := set . "on" (get . "true") }}
{{- end }}
{{- $_ := unset . "true" }}
{{- end }}
{{- end }}
