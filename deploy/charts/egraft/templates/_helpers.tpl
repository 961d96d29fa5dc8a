{{- define "egraft.labels" -}}
app.kubernetes.io/name: egraft
{{- end }}
{{- define "egraft.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
