{{/*
Compute the vantages of the release once, and store them in .netproof.vantages for all templates. Each has the values of the
top level, merged with its own, and
  name, fullname, namespace   its name, the name of its objects, and their namespace
  role                        vantage or control
  lists                       both lists of targets, as lines of YAML
*/}}
{{- define "netproof.resolve" -}}
{{- if not (hasKey . "netproof") }}
{{- $_ := set . "netproof" (include "netproof.kinds" . | fromJson) }}
{{- $shared := include "netproof.shared" . | fromJson }}
{{- $fullname := include "netproof.fullname" . }}
{{- $named := dict }}
{{- range $name, $own := .Values.vantages }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" $name) }}
{{- fail (printf "vantages.%s: the name of a vantage consists of at most 63 lower-case letters, digits and hyphens" $name) }}
{{- end }}
{{- if not (kindIs "invalid" $own) }}
{{- $_ := set $named $name $own }}
{{- end }}
{{- end }}
{{- $denied := dict }}
{{- $vantages := list }}
{{- range $name, $own := $named | default (dict $fullname dict) }}
{{- $vantage := dict "name" $name "role" "vantage" "fullname" (empty $named | ternary $fullname (printf "%s-%s" $fullname $name)) }}
{{- if include "netproof.on" (list $.Values.enabled (get $own "enabled")) }}
{{- include "netproof.vantage" (dict "root" $ "vantage" $vantage "shared" $shared "own" $own) }}
{{- include "netproof.lists" (dict "root" $ "vantage" $vantage "own" $own "common" $.Values.commonTargets "denied" $denied) }}
{{- $vantages = append $vantages $vantage }}
{{- end }}
{{- end }}
{{- $control := default dict .Values.control }}
{{- if and $vantages $control.enabled }}
{{- include "netproof.control" (dict "root" . "vantages" $vantages "shared" $shared "own" $control "denied" $denied) }}
{{- with .netproof.control }}
{{- $vantages = append $vantages . }}
{{- end }}
{{- end }}
{{- $_ := set .netproof "vantages" $vantages }}
{{- if and $vantages (default dict .Values.reporter).enabled }}
{{- include "netproof.reporter" (dict "root" . "shared" $shared "vantages" $vantages) }}
{{- end }}
{{- end }}
{{- end }}

{{/* true if none of the values is false, else empty. */}}
{{- define "netproof.on" -}}
{{- $on := true }}
{{- range . }}
{{- if and (kindIs "bool" .) (not .) }}{{ $on = false }}{{ end }}
{{- end }}
{{- if $on }}true{{ end }}
{{- end }}

{{/* What all vantages share: the values without those of the release as a whole. */}}
{{- define "netproof.shared" -}}
{{- omit .Values "global" "enabled" "nameOverride" "fullnameOverride" "namespaceOverride" "clusterDomain" "commonLabels" "commonAnnotations" "commonTargets" "vantages" "control" "reporter" "serviceMonitor" "prometheusRule" "dashboard" "tests" "extraObjects" | toJson }}
{{- end }}

{{/* Complete a vantage, in place, of (dict "root" $ "vantage" … "shared" … "own" …). */}}
{{- define "netproof.vantage" -}}
{{- $vantage := .vantage }}
{{- include "netproof.merge" (dict "into" $vantage "from" .shared) }}
{{- include "netproof.merge" (dict "into" $vantage "from" (omit .own "enabled")) }}
{{- range list "targets" "settings" "notifications" "heartbeat" "image" "cronjob" "job" "serviceAccount" "networkPolicy" "continuous" }}
{{- if not (get $vantage .) }}
{{- $_ := set $vantage . dict }}
{{- end }}
{{- end }}
{{- $_ := set $vantage "mode" (default "cronjob" $vantage.mode) }}
{{- $_ := merge $vantage.continuous (dict "every" "60s" "inconclusive" 3) }}
{{- $_ := set $vantage "fullname" (include "netproof.cut" $vantage.fullname) }}
{{- if (default dict .root.Values.reporter).enabled }}
{{- include "netproof.withReporter" (dict "vantage" $vantage "own" .own) }}
{{- end }}
{{- $_ := set $vantage "namespace" (default (default .root.Release.Namespace .root.Values.namespaceOverride) $vantage.namespace) }}
{{- include "netproof.objects" . }}
{{- if not $vantage.cronjob.schedule }}
{{- fail (printf "cronjob.schedule: vantage %q has no schedule: null removes the default" $vantage.name) }}
{{- end }}
{{- $_ := set $vantage.cronjob "schedule" (include "netproof.schedule" (dict "schedule" $vantage.cronjob.schedule "name" (printf "%s/%s" $vantage.namespace $vantage.fullname) "place" (printf "cronjob.schedule of vantage %q" $vantage.name))) }}
{{- if and (kindIs "slice" $vantage.notifications.notifyOn) (has "never" $vantage.notifications.notifyOn) (gt (len $vantage.notifications.notifyOn) 1) }}
{{- fail (printf "notifications.notifyOn: never cannot be combined with others (vantage %q)" $vantage.name) }}
{{- end }}
{{- if not $vantage.image.repository }}
{{- fail (printf "image.repository: vantage %q has no repository: null removes the default" $vantage.name) }}
{{- end }}
{{- end }}

{{/* Refuse values with which every run would fail. */}}
{{- define "netproof.sensible" -}}
{{- if not .existingConfigMap }}
{{- if not (or .lists.allow .lists.deny (eq .role "control")) }}
{{- fail (printf "targets: vantage %q has nothing to check. Give targets.allow (what must be reachable) and targets.deny (what must not be), or existingConfigMap" .name) }}
{{- end }}
{{- if and .network.deny (not (or .isolated .network.allow (eq .role "control"))) }}
{{- fail (printf "targets.allow: vantage %q has only a deny list, which proves nothing: a pod without a network would pass it, too. Allow a target that must be reachable, or set isolated: true" .name) }}
{{- end }}
{{- end }}
{{- if and .isolated .network.allow }}
{{- fail (printf "isolated: vantage %q must reach nothing, so it cannot have targets.allow" .name) }}
{{- end }}
{{- end }}

{{/*
The control: one more vantage. Its deny list has each target that a vantage denies, except those with `control: false`. If
there is no such target, there is no control. It does not use the labels and lists of the top level: with the labels of an
application, policies would block it as they block the application.
*/}}
{{- define "netproof.control" -}}
{{- $own := omit .own "enabled" }}
{{- $targets := default dict $own.targets }}
{{- range .vantages }}
{{- if eq .name "control" }}
{{- fail "vantages.control: control is the name of the control; give the vantage another name" }}
{{- end }}
{{- if and .existingConfigMap (not $targets.deny) (not $own.existingConfigMap) }}
{{- fail (printf "control: the lists in existingConfigMap %q of vantage %q cannot be read while rendering, so the control needs a list of its own: name the denied targets in control.targets.deny, or set control.enabled to false" .existingConfigMap .name) }}
{{- end }}
{{- end }}
{{- $control := dict "name" "control" "role" "control" "fullname" (printf "%s-control" (include "netproof.fullname" .root)) }}
{{- $shared := omit .shared "podLabels" "targets" "existingConfigMap" "isolated" }}
{{- include "netproof.vantage" (dict "root" .root "vantage" $control "shared" $shared "own" $own) }}
{{- include "netproof.lists" (dict "root" .root "vantage" $control "own" $own) }}
{{- if or .denied $targets.deny $own.existingConfigMap }}
{{- $_ := set $control.lists "deny" (printf "%s%s" $control.lists.deny (include "netproof.union" .denied)) }}
{{- $_ := set .root.netproof "control" $control }}
{{- end }}
{{- end }}

{{- define "netproof.union" }}
{{- range . }}
- {{ toRawJson . }}
{{- end }}
{{- end }}
