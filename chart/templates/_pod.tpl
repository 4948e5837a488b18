{{- define "netproof.image" -}}
{{- $registry := default .vantage.image.registry .root.Values.global.imageRegistry }}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .vantage.image.repository }}
{{- if .vantage.image.digest }}@{{ .vantage.image.digest }}
{{- else }}:{{ default .root.Chart.AppVersion .vantage.image.tag }}
{{- end }}
{{- end }}

{{- define "netproof.serviceAccountName" -}}
{{- default (ternary .fullname "default" (eq true .serviceAccount.create)) .serviceAccount.name }}
{{- end }}

{{/*
Labels and annotations of a pod. No mesh may adopt it: a sidecar accepts every connection in place of the target, so
that denied targets look open; and its own policies, not the cluster's, would be what is tested. Yours win over these.
*/}}
{{- define "netproof.podMetadata" -}}
{{- $mesh := dict "sidecar.istio.io/inject" "false" "istio.io/dataplane-mode" "none" "kuma.io/sidecar-injection" "disabled" -}}
labels:
  {{- include "netproof.layers" (list $mesh (include "netproof.selectors" . | fromYaml) .root.Values.commonLabels .vantage.podLabels) | nindent 2 }}
{{- $mesh = dict "sidecar.istio.io/inject" "false" "linkerd.io/inject" "disabled" "consul.hashicorp.com/connect-inject" "false" }}
annotations:
  {{- include "netproof.layers" (list $mesh .root.Values.commonAnnotations .vantage.podAnnotations) | nindent 2 }}
{{- end }}

{{- define "netproof.podSpec" -}}
restartPolicy: Never
# A run that is stopped still tells what it knows: at most 28 s for the channels, and 10 s for the heartbeat.
terminationGracePeriodSeconds: 45
{{- with concat .root.Values.global.imagePullSecrets (default list .vantage.imagePullSecrets) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}
  {{- end }}
{{- end }}
serviceAccountName: {{ include "netproof.serviceAccountName" .vantage }}
automountServiceAccountToken: {{ eq true .vantage.serviceAccount.automount }}
enableServiceLinks: false
# It may wear an application's labels, and then the application's Services select it, too. This gate never becomes
# true: the pod is never ready, and receives no traffic.
readinessGates:
  - conditionType: netproof/receives-traffic
{{- with .vantage.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "netproof.given" (pick .vantage "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" "hostAliases" "dnsPolicy" "dnsConfig") }}
{{ . }}
{{- end }}
containers:
  {{- include "netproof.container" . | nindent 2 }}
volumes:
  - name: config
    configMap:
      name: {{ .vantage.fullname }}
  {{- with .vantage.existingConfigMap }}
  - name: lists
    configMap:
      name: {{ . }}
  {{- end }}
  {{- if include "netproof.hasChannels" .vantage }}
  - name: channels
    projected:
      sources:
        {{- with .vantage.notifications.existingSecret }}
        - secret:
            name: {{ . }}
        {{- end }}
        {{- if .vantage.notifications.channels }}
        - secret:
            name: {{ .vantage.fullname }}-channels
        {{- end }}
  {{- end }}
  {{- if .vantage.notifications.templates }}
  - name: templates
    configMap:
      name: {{ .vantage.fullname }}-templates
  {{- end }}
  {{- if include "netproof.hasHeartbeat" .vantage }}
  - name: heartbeat
    secret:
      secretName: {{ default (printf "%s-heartbeat" .vantage.fullname) .vantage.heartbeat.existingSecret }}
  {{- end }}
  {{- with .vantage.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "netproof.hasChannels" -}}
{{- if or .notifications.existingSecret .notifications.channels }}true{{ end }}
{{- end }}

{{- define "netproof.hasHeartbeat" -}}
{{- if or .heartbeat.existingSecret .heartbeat.url }}true{{ end }}
{{- end }}

{{/* The one container, in the form of a list. */}}
{{- define "netproof.container" -}}
- name: netproof
  image: {{ include "netproof.image" . }}
  {{- with .vantage.image.pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  args:
    {{- if .trial }}
    - notify
    - --test
    {{- else }}
    - check
    - /etc/netproof
    {{- if .vantage.existingConfigMap }}
    - /etc/netproof-lists
    {{- end }}
    {{- end }}
    {{- if .quiet }}
    - --no-notify
    {{- else }}
    {{- if include "netproof.hasChannels" .vantage }}
    - --channels=/etc/netproof-channels
    {{- end }}
    {{- if .vantage.notifications.templates }}
    - --templates=/etc/netproof-templates
    {{- end }}
    {{- if and (include "netproof.hasHeartbeat" .vantage) (not .trial) }}
    - --heartbeat=/etc/netproof-heartbeat/url
    {{- end }}
    {{- end }}
    {{- if not .trial }}
    {{- range .vantage.extraArgs }}
    - {{ . | quote }}
    {{- end }}
    {{- end }}
  env:
    - name: NETPROOF_NODE
      valueFrom:
        fieldRef:
          fieldPath: spec.nodeName
    - name: NETPROOF_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    {{- with .vantage.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .vantage.extraEnvFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .vantage.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .vantage.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # When it dies before it can say why, the end of its log is what `kubectl describe pod` shows.
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - name: config
      mountPath: /etc/netproof
      readOnly: true
    {{- if .vantage.existingConfigMap }}
    - name: lists
      mountPath: /etc/netproof-lists
      readOnly: true
    {{- end }}
    {{- if include "netproof.hasChannels" .vantage }}
    - name: channels
      mountPath: /etc/netproof-channels
      readOnly: true
    {{- end }}
    {{- if .vantage.notifications.templates }}
    - name: templates
      mountPath: /etc/netproof-templates
      readOnly: true
    {{- end }}
    {{- if include "netproof.hasHeartbeat" .vantage }}
    - name: heartbeat
      mountPath: /etc/netproof-heartbeat
      readOnly: true
    {{- end }}
    {{- with .vantage.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
