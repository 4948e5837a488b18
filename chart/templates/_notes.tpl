{{/* The namespaces of the vantages, each once, as the keys of a JSON object. */}}
{{- define "netproof.notes.namespaces" -}}
{{- $namespaces := dict }}
{{- range . }}
{{- $_ := set $namespaces .namespace true }}
{{- end }}
{{- toJson $namespaces }}
{{- end }}

{{- define "netproof.notes.channels" -}}
{{- range . }}{{ include "netproof.hasChannels" . }}{{ end }}
{{- end }}

{{/* Denials that prove nothing, and what to do about it. */}}
{{- define "netproof.notes.proof" }}
{{- $unproven := list }}
{{- $nobody := list }}
{{- $unread := list }}
{{- range $vantage := .vantages }}
{{- range $vantage.unproven }}
{{- $unproven = append $unproven (printf "%s (%s)" . $vantage.name) }}
{{- end }}
{{- range $vantage.nobody }}
{{- $nobody = append $nobody (printf "%s (%s)" . $vantage.name) }}
{{- end }}
{{- if and $vantage.existingConfigMap (eq $vantage.role "vantage") }}
{{- $unread = append $unread (printf "%s/%s (%s)" $vantage.namespace $vantage.existingConfigMap $vantage.name) }}
{{- end }}
{{- end }}
{{- with $unproven }}

UNPROVEN: nothing shows that these denied targets are alive. One that is down, or misspelt, looks just like one that
is blocked. Allow it from another vantage, or set control.enabled=true:
{{ range . }}
  {{ . }}
{{- end }}
{{- end }}
{{- with $nobody }}

Nobody at all may reach these (control: false), so that their denials stay unproven:
{{ range . }}
  {{ . }}
{{- end }}
{{- end }}
{{- with $unread }}

The lists in these ConfigMaps cannot be read while rendering. Only targets in control.targets.deny, or on the allow
list of another vantage, are known to be alive:
{{ range . }}
  {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Who hears of it, and who cannot. */}}
{{- define "netproof.notes.telling" }}
{{- if include "netproof.notes.channels" . }}

A vantage whose policies deny all egress cannot reach its channels either. Its Job fails all the same, and the
termination message of its pod says why.
{{- $inline := false }}
{{- range . }}
{{- if .notifications.channels }}{{ $inline = true }}{{ end }}
{{- end }}
{{- if $inline }}

notifications.channels is for trying out: the URLs stay in the values of the release. Keep them in a Secret instead,
and name it in notifications.existingSecret.
{{- end }}
{{- else }}

No channel is set: only the status of the Jobs tells. To be told, keep an apprise URL in a Secret, one a channel, and
name it in notifications.existingSecret:
{{ range $namespace, $_ := include "netproof.notes.namespaces" . | fromJson }}
  kubectl create secret generic netproof-channels -n {{ $namespace }} --from-file=slack=/path/to/a/file/with/the/url
{{- end }}
{{- end }}
{{- end }}

{{/* Which Services, budgets and autoscalers take the pods for an application's. */}}
{{- define "netproof.notes.labels" }}
{{- $seen := dict }}
{{- range $vantage := .vantages }}
{{- if $vantage.podLabels }}
{{- $key := printf "%s %s" $vantage.namespace (toJson $vantage.podLabels) }}
{{- if not (hasKey $seen $key) }}
{{- if not $seen }}

The pods wear labels of yours (podLabels). They are never ready, so Services send them nothing, but for those with
publishNotReadyAddresses; and a PodDisruptionBudget that selects them may block evictions while a Job's pod exists.
What selects them, and which autoscalers there are:
{{ end }}
{{- $_ := set $seen $key true }}
{{- $labels := list }}
{{- range $label, $value := (include "netproof.podMetadata" (dict "root" $.root "vantage" $vantage) | fromYaml).labels }}
{{- $labels = append $labels (printf "%s=%s" $label $value | quote) }}
{{- end }}
  kubectl get -n {{ $vantage.namespace }} services,poddisruptionbudgets,deployments,statefulsets,daemonsets,horizontalpodautoscalers -o go-template='
    {{- include "netproof.notes.selecting" . | replace "LABELS" (join " " $labels) }}'
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* For kubectl: the objects whose selector fits a pod with LABELS. */}}
{{- define "netproof.notes.selecting" -}}
{{ `{{range .items}}{{$it := .}}{{with .spec.scaleTargetRef}}{{$it.kind}}/{{$it.metadata.name}} scales {{.kind}}/{{.name}}{{"\n"}}{{end}}` -}}
{{ `{{if or .spec.selector (eq .kind "PodDisruptionBudget")}}{{$want := .spec.selector}}{{if ne .kind "Service"}}{{$want = .spec.selector.matchLabels}}{{end}}` -}}
{{ `{{$fits := true}}{{range $key, $value := $want}}{{if not (eq (printf "%s=%s" $key $value) LABELS)}}{{$fits = false}}{{end}}{{end}}` -}}
{{ `{{if $fits}}{{.kind}}/{{.metadata.name}} selects them{{if .spec.selector.matchExpressions}}, if its expressions do{{end}}` -}}
{{ `{{if .spec.publishNotReadyAddresses}}, and lists them although not ready{{end}}{{"\n"}}{{end}}{{end}}{{end}}` -}}
{{- end }}
