package containers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// imagePrefix begins the names of our images in a session. Their tags begin with its ID.
const imagePrefix = "redrive-stack/"

// unavailable is a profile that is never selected.
const unavailable = "unavailable"

// Release makes the project use our images of another release from the next Up on.
func (p *Project) Release(ctx context.Context, release Release) error {
	p.tag, p.source = p.ID, ""
	if release == Before {
		var err error
		if p.source, err = p.previous(ctx); err != nil {
			return err
		}
		p.tag += "-" + string(release)
	}
	return p.writeOverride()
}

// previous returns a directory with the files of the commit before the last. A checkout without history, such as an archive or a shallow
// clone, has no such commit. Then it is the repository itself, and an upgrade replaces images by others of the same code.
func (s *Session) previous(ctx context.Context) (dir string, err error) {
	if !s.hasHistory(ctx) {
		return s.Repository, nil
	}
	if dir, err = os.MkdirTemp(s.Dir, "before-"); err != nil {
		return "", fmt.Errorf("make a directory for the previous commit: %w", err)
	}
	archive := filepath.Join(dir, ".tar")
	for _, command := range [][]string{
		{"git", "-C", s.Repository, "archive", "--format=tar", "--output=" + archive, "HEAD~1"},
		{"tar", "--extract", "--directory=" + dir, "--file=" + archive},
	} {
		if said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("read the files of the previous commit: %w\n%s", err, said)
		}
	}
	return dir, os.Remove(archive)
}

// hasHistory reports whether the checkout has the commit before the last.
func (s *Session) hasHistory(ctx context.Context) bool {
	return exec.CommandContext(ctx, "git", "-C", s.Repository, "cat-file", "-e", "HEAD~1^{commit}").Run() == nil
}

// override is the file that adds a session's images and names to docker-compose.yml. It changes nothing else.
func (p *Project) override() string { return filepath.Join(filepath.Dir(p.env), "override.yml") }

func (p *Project) writeOverride() error {
	services := map[string]any{}
	for name := range p.file.Services {
		services[name] = p.overrideService(name)
	}
	text, err := yaml.Marshal(map[string]any{"services": services})
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
	if p.source != "" {
		build["context"] = p.source
	}
	return build
}

// serves reports whether a service is one of the two that have the settings.
func (p *Project) serves(name string) bool { return name == API || name == Dispatcher }

// image returns the session's name of the image of one of our services.
func (p *Project) image(service string) string {
	base, _, _ := strings.Cut(path.Base(p.file.Services[service].Image), ":")
	return imagePrefix + base + ":" + p.tag
}

// tagged is a list with one of Compose's tags, which define how it is merged.
func tagged(tag string, values []string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Tag: tag}
	for _, value := range values {
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
	}
	return node
}
