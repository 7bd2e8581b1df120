// Command rules writes the alerts and recording rules of deploy/grafana as an object of the Prometheus operator:
//
//	go run ./deploy/kubernetes/cmd/rules
package main

import (
	"fmt"
	"os"

	"redrive/deploy/kubernetes"
)

// path is relative to the top of the repository.
const path = "deploy/kubernetes/overlays/monitoring/rules.yaml"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "rules:", err)
		os.Exit(1)
	}
}

func run() error {
	content, err := kubernetes.Rules()
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644) //nolint:gosec // it is a file of the repository
}
