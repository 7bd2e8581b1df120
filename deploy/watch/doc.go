// Package watch tests what an operator sees of a running Redrive: metrics, alerts, the dashboard, traces, logs, health and errors in
// settings.
//
// Every query of the alerts and the dashboard uses metrics that the services expose. Alerts fire when they should and not otherwise.
// The dashboard can be imported. One trace leads from a request to every POST. Each request and each attempt has one line in the log.
package watch
