package kubernetes

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"redrive/deploy/grafana"
)

// rulesHeader begins the file of Rules.
const rulesHeader = `# Made from deploy/grafana/prometheus by "go run ./deploy/kubernetes/cmd/rules": change the rules there. runbook_url begins with the
# external label redrive_url: set it in externalLabels of the Prometheus object.
`

// prometheusRule is the object of the Prometheus operator that holds groups of rules.
type prometheusRule struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct{ Groups []yaml.Node }
}

// Rules returns overlays/monitoring/rules.yaml: the recording rules and the alerts of package grafana as one PrometheusRule. Kustomize has
// no means to make one of a file with rules.
func Rules() ([]byte, error) {
	object := prometheusRule{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"}
	object.Metadata.Name = "redrive"
	for _, text := range []string{grafana.Recording, grafana.Alerts} {
		var file struct{ Groups []yaml.Node }
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			return nil, fmt.Errorf("read the rules: %w", err)
		}
		object.Spec.Groups = append(object.Spec.Groups, file.Groups...)
	}
	content := bytes.NewBufferString(rulesHeader)
	encoder := yaml.NewEncoder(content)
	encoder.SetIndent(2)
	if err := encoder.Encode(object); err != nil {
		return nil, fmt.Errorf("write the rules: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write the rules: %w", err)
	}
	return content.Bytes(), nil
}
