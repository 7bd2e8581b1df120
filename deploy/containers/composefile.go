package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// composed is the part of Compose's configuration that this package uses.
type composed struct {
	Services map[string]struct {
		Image    string
		Build    *struct{ Target string }
		Profiles []string
	}
}

// read reads the file through Compose, with all its profiles.
func (s *Session) read(ctx context.Context, env string) (*composed, error) {
	said, err := s.docker(ctx, "compose", "--file", s.composeFile(), "--env-file", env, "--profile", "*", "config", "--format", "json")
	if err != nil {
		return nil, err
	}
	read := &composed{}
	if err := json.Unmarshal([]byte(said), read); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return read, nil
}

func (s *Session) composeFile() string { return filepath.Join(s.Repository, "docker-compose.yml") }

// ours reports whether an image is built by our Dockerfile, or is one that another service builds.
func (c *composed) ours(service string) bool {
	image := c.Services[service].Image
	for _, other := range c.Services {
		if other.Build != nil && other.Image == image {
			return true
		}
	}
	return false
}

// obtainAll obtains the images of others, including the base image of the Dockerfile.
func (s *Session) obtainAll(ctx context.Context, progress io.Writer) error {
	env, err := s.env(ctx, "images", nil)
	if err != nil {
		return err
	}
	file, err := s.read(ctx, env)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		wanted := file.Services[name].Image
		if _, found := s.Images[wanted]; found || file.ours(name) {
			continue
		}
		if s.Images[wanted], err = s.obtain(ctx, progress, wanted); err != nil {
			return err
		}
		fmt.Fprintln(progress, s.Images[wanted])
		if s.Images[wanted].Used == "" {
			fmt.Fprintf(progress, "%s was not started\n", name)
		}
	}
	builder, err := s.builder()
	if err != nil {
		return err
	}
	if s.GoImage, err = s.obtain(ctx, progress, builder); err != nil {
		return err
	}
	fmt.Fprintln(progress, s.GoImage)
	return nil
}

var goImage = regexp.MustCompile(`(?m)^ARG GO_IMAGE=(\S+)$`)

// builder is the base image of the Dockerfile's build stage.
func (s *Session) builder() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.Repository, "deploy", "docker", "Dockerfile"))
	if err != nil {
		return "", fmt.Errorf("read the Dockerfile: %w", err)
	}
	found := goImage.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("the Dockerfile has no ARG GO_IMAGE")
	}
	return string(found[1]), nil
}
