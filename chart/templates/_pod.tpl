{{- define "netproof.image" -}}
{{- $registry := default .vantage.image.registry (default dict .root.Values.global).imageRegistry }}
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
Labels and annotations of a pod. They switch off the sidecar injection of service meshes: a sidecar accepts every connection
in place of the target, so denied targets would look open. podLabels and podAnnotations override them.
*/}}
{{- define "netproof.podMetadata" -}}
{{- $mesh := dict "sidecar.istio.io/inject" "false" "istio.io/dataplane-mode" "none" "kuma.io/sidecar-injection" "disabled" -}}
labels:
  {{- include "netproof.layers" (dict "root" .root "maps" (list $mesh (include "netproof.recommended" . | fromYaml) .root.Values.commonLabels .vantage.podLabels (include "netproof.selectors" . | fromYaml))) | nindent 2 }}
{{- $mesh = dict "sidecar.istio.io/inject" "false" "linkerd.io/inject" "disabled" "consul.hashicorp.com/connect-inject" "false" }}
annotations:
  {{- include "netproof.layers" (dict "root" .root "maps" (list $mesh .root.Values.commonAnnotations .vantage.podAnnotations)) | nindent 2 }}
{{- end }}

{{/*
The pod of a vantage or of the reporter, of (dict "root" $ "vantage" …), with "continuous" or "reporter" for the pod of a
Deployment.
*/}}
{{- define "netproof.podSpec" -}}
{{- if not (or .continuous .reporter) }}
restartPolicy: Never
{{- end }}
# A run that is stopped still sends its report: at most 28 s for the channels, and 10 s for the heartbeat.
terminationGracePeriodSeconds: 45
{{- with concat ((default dict .root.Values.global).imagePullSecrets | default list) (default list .vantage.imagePullSecrets) }}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "map" . | ternary . (dict "name" .) | dig "name" "" | quote }}
  {{- end }}
{{- end }}
serviceAccountName: {{ include "netproof.serviceAccountName" .vantage | quote }}
automountServiceAccountToken: {{ or .reporter (eq true .vantage.serviceAccount.automount) | ternary true false }}
enableServiceLinks: false
{{- if not (or .reporter (and .continuous .vantage.continuous.ready)) }}
# The pod may have an application's labels, and then the application's Services select it, too. This condition never
# becomes true: the pod is never ready, and receives no traffic.
readinessGates:
  - conditionType: netproof/receives-traffic
{{- end }}
{{- with .vantage.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "netproof.given" (pick .vantage "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" "schedulerName" "hostAliases" "dnsPolicy" "dnsConfig") }}
{{ . }}
{{- end }}
{{- with .vantage.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  {{- include "netproof.container" . | nindent 2 }}
  {{- with .vantage.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ .vantage.fullname | quote }}
  {{- with .vantage.existingConfigMap }}
  - name: lists
    configMap:
      name: {{ . | quote }}
  {{- end }}
  {{- if include "netproof.hasChannels" .vantage }}
  - name: channels
    projected:
      sources:
        {{- range include "netproof.channelSecrets" . | fromJsonArray }}
        - secret:
            name: {{ .name | quote }}
            {{- with .keys }}
            items:
              {{- range . }}
              - key: {{ . | quote }}
                path: {{ . | quote }}
              {{- end }}
            {{- end }}
        {{- end }}
  {{- end }}
  {{- if include "netproof.hasHeartbeat" .vantage }}
  - name: heartbeat
    secret:
      secretName: {{ default (printf "%s-heartbeat" .vantage.fullname) .vantage.heartbeat.existingSecret | quote }}
  {{- end }}
  {{- if .continuous }}
  - name: rounds
    emptyDir:
      sizeLimit: 1Mi
  {{- end }}
  {{- with .vantage.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "netproof.hasChannels" -}}
{{- if or .notifications.existingSecret .notifications.existingSecrets .notifications.channels }}true{{ end }}
{{- end }}

{{/* The Secrets that hold the channels of a vantage, and which keys of them; as JSON. */}}
{{- define "netproof.channelSecrets" -}}
{{- $secrets := list }}
{{- with .vantage.notifications.existingSecret }}
{{- $secrets = append $secrets (dict "name" .) }}
{{- end }}
{{- $secrets = concat $secrets (default list .vantage.notifications.existingSecrets) }}
{{- if .vantage.notifications.channels }}
{{- $secrets = append $secrets (dict "name" (printf "%s-channels" .vantage.fullname)) }}
{{- end }}
{{- toJson $secrets }}
{{- end }}

{{- define "netproof.hasHeartbeat" -}}
{{- if or .heartbeat.existingSecret .heartbeat.url }}true{{ end }}
{{- end }}

{{/* The container of netproof, as a list of one. */}}
{{- define "netproof.container" -}}
- name: netproof
  image: {{ include "netproof.image" . | quote }}
  {{- with .vantage.image.pullPolicy }}
  imagePullPolicy: {{ . | quote }}
  {{- end }}
  args:
    {{- if .trial }}
    - notify
    - --test
    {{- else if .reporter }}
    - reporter
    - --settings=/etc/netproof/reporter.yaml
    {{- else }}
    - check
    - /etc/netproof
    {{- if .vantage.existingConfigMap }}
    - /etc/netproof-lists
    {{- end }}
    {{- if .continuous }}
    - --every={{ .vantage.continuous.every }}
    - --inconclusive={{ .vantage.continuous.inconclusive }}
    - --alive=/run/netproof/alive.json
    {{- end }}
    {{- end }}
    {{- if .quiet }}
    - --no-notify
    {{- else }}
    {{- if include "netproof.hasChannels" .vantage }}
    - --channels=/etc/netproof-channels
    {{- end }}
    {{- if .vantage.notifications.templates }}
    - --templates=/etc/netproof
    {{- end }}
    {{- if and (include "netproof.hasHeartbeat" .vantage) (not .trial) }}
    - --heartbeat=/etc/netproof-heartbeat/url
    {{- end }}
    {{- end }}
    {{- if not (or .trial .reporter) }}
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
  {{- if .reporter }}
  ports:
    - name: metrics
      containerPort: 8080
  livenessProbe:
    {{- include "netproof.health" (dict "period" 20 "failures" 3) | nindent 4 }}
  readinessProbe:
    {{- include "netproof.health" (dict "period" 10 "failures" 3) | nindent 4 }}
  startupProbe:
    {{- include "netproof.health" (dict "period" 5 "failures" 24) | nindent 4 }}
  {{- end }}
  {{- if .continuous }}
  # Fails if no more rounds end. The first round may take up to the deadline of all checks.
  startupProbe:
    {{- include "netproof.alive" (dict "period" 10 "failures" 60) | nindent 4 }}
  livenessProbe:
    {{- include "netproof.alive" (dict "period" 30 "failures" 3) | nindent 4 }}
  {{- end }}
  # If it ends without a termination message, `kubectl describe pod` shows the end of its log.
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - name: config
      mountPath: /etc/netproof
      readOnly: true
    {{- if .continuous }}
    - name: rounds
      mountPath: /run/netproof
    {{- end }}
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
    {{- if include "netproof.hasHeartbeat" .vantage }}
    - name: heartbeat
      mountPath: /etc/netproof-heartbeat
      readOnly: true
    {{- end }}
    {{- with .vantage.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "netproof.health" -}}
httpGet:
  path: /healthz
  port: metrics
periodSeconds: {{ .period }}
timeoutSeconds: 5
failureThreshold: {{ .failures }}
{{- end }}

{{- define "netproof.alive" -}}
exec:
  command: [netproof, alive, /run/netproof/alive.json]
periodSeconds: {{ .period }}
timeoutSeconds: 10
failureThreshold: {{ .failures }}
{{- end }}
