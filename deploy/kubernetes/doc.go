// Package kubernetes tests the manifests beside it on machines without a cluster. Kustomize's own packages build the base and the overlays,
// Kubernetes' own types decode every object strictly, and settings, ports, probes, grace periods, images and alerts are compared with the
// code and with docker-compose.yml. No cluster has run the manifests.
//
//	base/                 both services, the migration, autoscaling, network policies
//	overlays/monitoring/  the base with monitors and alerts for the Prometheus operator, and the rule of prometheus-adapter
//	overlays/small/       the base without autoscaling, behind an ingress controller with TLS
package kubernetes
