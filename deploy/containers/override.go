package containers

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// imagePrefix begins the names of our images in a session, whose tags begin with its ID.
const imagePrefix = "redrive-stack/"

// unavailable is a profile that is never asked for.
const unavailable = "unavailable"

// Release has the project use our images of another tag from the next Up on. Empty, it is the session's own.
func (p *Project) Release(tag string) error {
	p.options.Release = tag
	if tag == "" {
		p.options.Release = p.ID
	}
	return p.writeOverride()
}

// override is the file that gives a session's images and names to what docker-compose.yml says, and changes nothing else.
func (p *Project) override() string { return filepath.Join(filepath.Dir(p.env), "override.yml") }

func (p *Project) writeOverride() error {
	services, networks := map[string]any{}, map[string]any{}
	for name := range p.file.Services {
		services[name] = p.overrideService(name)
	}
	for name, network := range p.file.Networks {
		if len(network.IPAM.Config) > 0 { // a fixed subnet can be used once on an engine
			networks[name] = map[string]any{"ipam": tagged("!reset", nil)}
		}
	}
	text, err := yaml.Marshal(map[string]any{"services": services, "networks": networks})
	if err != nil {
		return fmt.Errorf("write the override: %w", err)
	}
	if err := os.WriteFile(p.override(), text, 0o600); err != nil {
		return fmt.Errorf("write the override: %w", err)
	}
	return nil
}

func (p *Project) overrideService(name string) map[string]any {
	image := p.Images[p.file.Services[name].Image]
	switch {
	case p.file.ours(name):
		service := map[string]any{"image": p.image(name), "pull_policy": "never"}
		if p.file.Services[name].Build != nil {
			service["build"] = p.overrideBuild()
		}
		if p.serves(name) {
			service["environment"] = p.options.Settings
		}
		return service
	case image.Used == "":
		return map[string]any{"profiles": tagged("!override", []string{unavailable})}
	case image.Origin == standIn:
		return map[string]any{"image": image.Used, "pull_policy": "never"}
	}
	return map[string]any{}
}

func (p *Project) overrideBuild() map[string]any {
	build := map[string]any{"args": map[string]string{"GO_IMAGE": p.GoImage.Used}}
	if p.options.Source != "" {
		build["context"] = p.options.Source
	}
	return build
}

// serves says whether a service is one of the two that the settings are for.
func (p *Project) serves(name string) bool { return name == API || name == Dispatcher }

// image is the session's name of the image that a service of ours runs.
func (p *Project) image(service string) string {
	base, _, _ := strings.Cut(path.Base(p.file.Services[service].Image), ":")
	return imagePrefix + base + ":" + p.options.Release
}

// tagged is a value with one of Compose's tags, which say how it is merged.
func tagged(tag string, values []string) *yaml.Node {
	if values == nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: "null"}
	}
	node := &yaml.Node{Kind: yaml.SequenceNode, Tag: tag}
	for _, value := range values {
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	return node
}
