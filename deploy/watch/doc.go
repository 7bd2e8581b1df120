// Package watch holds what an operator sees of Redrive against what was promised: that every query of the alerts and the dashboard
// asks for metrics that the services expose, that alerts fire when they should and not otherwise, that the dashboard can be imported,
// that one trace leads from a request to every POST, that each request and each attempt has its line in the log, and that the
// programs say how they are and what is wrong with their settings.
package watch
