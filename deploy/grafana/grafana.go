// Package grafana embeds the rules for Prometheus, for programs that evaluate them. The dashboard and its provisioning are beside them.
package grafana

import _ "embed"

// Alerts is the content of alerts.yml.
//
//go:embed prometheus/alerts.yml
var Alerts string

// Recording is the content of recording.yml, which the alerts need.
//
//go:embed prometheus/recording.yml
var Recording string
