{{/*
Write the reporter into .netproof.reporter. It has most values of a vantage, but it is in the namespace of the release, and
without an application's labels.
*/}}
{{- define "netproof.reporter" -}}
{{- $own := .root.Values.reporter }}
{{- $reporter := dict }}
{{- include "netproof.merge" (dict "into" $reporter "from" (omit .shared "podLabels" "podAnnotations" "targets" "existingConfigMap" "isolated" "namespace" "resources")) }}
{{- include "netproof.merge" (dict "into" $reporter "from" (pick $own "podLabels" "podAnnotations" "serviceAccount" "resources")) }}
{{- range list "notifications" "heartbeat" "image" "job" "serviceAccount" }}
{{- if not (get $reporter .) }}
{{- $_ := set $reporter . dict }}
{{- end }}
{{- end }}
{{- $_ := set $reporter "name" "reporter" }}
{{- $_ := set $reporter "role" "reporter" }}
{{- $_ := set $reporter "fullname" (include "netproof.cut" (printf "%s-reporter" (include "netproof.fullname" .root))) }}
{{- $_ := set $reporter "namespace" .root.Release.Namespace }}
{{- include "netproof.objects" (dict "root" .root "vantage" $reporter) }}
{{- if contains "://" ($own.digestChannels | toJson) }}
{{- fail "reporter.digestChannels: found a URL; give the names of channels" }}
{{- end }}
{{- with $own.digest }}
{{- $_ := set $reporter "digest" (include "netproof.schedule" (dict "schedule" . "name" $reporter.fullname "place" "reporter.digest")) }}
{{- end }}
{{- range .vantages }}
{{- if has .name (list "reporter" "reporter-dashboard") }}
{{- fail (printf "vantages.%s: %s is a name of the reporter; give the vantage another name" .name .name) }}
{{- end }}
{{- $account := include "netproof.serviceAccountName" . }}
{{- if and .serviceAccount.create (eq .namespace $reporter.namespace) (eq $account (include "netproof.serviceAccountName" $reporter)) }}
{{- fail (printf "reporter.serviceAccount.name: %q is the service account of vantage %q, which must not have the reporter's permissions" $account .name) }}
{{- end }}
{{- end }}
{{- $_ := set .root.netproof "reporter" $reporter }}
{{- end }}

{{/* With a reporter, remove the channels and the heartbeat of a vantage that are not its own. */}}
{{- define "netproof.withReporter" -}}
{{- $own := .own.notifications | default dict }}
{{- if not (or $own.existingSecret $own.existingSecrets $own.channels) }}
{{- $notifications := .vantage.notifications }}
{{- range list "existingSecret" "existingSecrets" "channels" }}
{{- $_ := unset $notifications . }}
{{- end }}
{{- end }}
{{- if not .own.heartbeat }}
{{- $_ := set .vantage "heartbeat" dict }}
{{- end }}
{{- end }}

{{/* reporter.yaml: the reporter's configuration. It contains no secret. */}}
{{- define "netproof.reporter.config" -}}
{{- $vantages := list }}
{{- $namespaces := dict }}
{{- range .netproof.vantages }}
{{- $_ := set $namespaces .namespace true }}
{{- $vantage := dict "name" (include "netproof.label" .name) "namespace" .namespace "role" .role "mode" .mode }}
{{- if eq .mode "continuous" }}
{{- $_ := set $vantage "every" .continuous.every }}
{{- $_ := set $vantage "config" (include "netproof.config" (dict "root" $ "vantage" .) | sha256sum | trunc 8) }}
{{- else }}
{{- $_ := set $vantage "schedule" .cronjob.schedule }}
{{- end }}
{{- with .notifications.sendTo }}
{{- $_ := set $vantage "channels" . }}
{{- end }}
{{- $vantages = append $vantages $vantage }}
{{- end }}
{{- $config := include "netproof.given" (pick .Values.reporter "interval" "remindEvery" "groupWithin" "digestChannels") | fromYaml }}
{{- $_ := set $config "digest" (default "" .netproof.reporter.digest) }}
{{- $_ := set $config "release" (include "netproof.release" .) }}
{{- $_ := set $config "namespace" .netproof.reporter.namespace }}
{{- $_ := set $config "cluster" (default "" .netproof.reporter.cluster) }}
{{- $_ := set $config "clusterDomain" (default "cluster.local" .Values.clusterDomain) }}
{{- $_ := set $config "runbookUrl" (default "" .netproof.reporter.notifications.runbookUrl) }}
{{- $_ := set $config "stateSecret" (printf "%s-state" .netproof.reporter.fullname) }}
{{- $_ := set $config "namespaces" (keys $namespaces | sortAlpha) }}
{{- $_ := set $config "vantages" $vantages }}
{{- toYaml $config }}
{{- end }}
