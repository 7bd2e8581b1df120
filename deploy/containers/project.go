package containers

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

// ProjectOptions of a project.
type ProjectOptions struct {
	// Settings are environment variables of both services, and variables that Compose itself reads.
	Settings map[string]string
	// Profiles are the profiles of docker-compose.yml that are started in addition.
	Profiles []string
	// Release selects our images for the start. Defaults to Now. Missing images are built by Up.
	Release Release
}

// Release is the source of our images.
type Release string

// The releases.
const (
	Now    Release = ""       // the working copy
	Before Release = "before" // the commit before the last
)

// Project is one project of Docker Compose.
type Project struct {
	*Session
	// Name is the name of the project.
	Name    string
	options ProjectOptions
	env     string
	values  map[string]string
	file    *composed
	// tag is the tag of our images, and source their source folder. Empty means the repository.
	tag, source string
}

// NewProject prepares a project without starting it. The name is unique in the session.
func (s *Session) NewProject(ctx context.Context, name string, options ProjectOptions) (*Project, error) {
	p := &Project{Session: s, Name: prefix + s.ID + "-" + name, options: options}
	var err error
	if p.env, err = s.env(ctx, name, options.Settings); err != nil {
		return nil, err
	}
	if p.values, err = dotenv.Read(p.env); err != nil {
		return nil, fmt.Errorf("read the env file: %w", err)
	}
	if p.file, err = s.read(ctx, p.env); err != nil {
		return nil, err
	}
	return p, p.Release(ctx, options.Release)
}

// portVariables finds the settings that say where something is published.
var portVariables = regexp.MustCompile(`\$\{([A-Z]+_PORT)\b`)

// env makes an env file as `make env` does, with a free network and free ports. The given settings replace those of the file.
func (s *Session) env(ctx context.Context, name string, settings map[string]string) (string, error) {
	dir := filepath.Join(s.Dir, name)
	if err := os.Mkdir(dir, 0o750); err != nil {
		return "", fmt.Errorf("make a directory for the project: %w", err)
	}
	file := filepath.Join(dir, "env")
	made := exec.CommandContext(ctx, "sh", filepath.Join(s.Repository, "deploy", "docker", "env.sh"), file)
	if said, err := made.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make an env file: %w\n%s", err, said)
	}
	text, err := os.ReadFile(s.composeFile())
	if err != nil {
		return "", fmt.Errorf("read the ports: %w", err)
	}
	all := map[string]string{}
	for _, found := range portVariables.FindAllSubmatch(text, -1) {
		if all[string(found[1])], err = freePort(ctx); err != nil {
			return "", err
		}
	}
	if all["EDGE_NETWORK"], err = freeNetwork(); err != nil {
		return "", err
	}
	maps.Copy(all, settings)
	return file, appendEnv(file, all)
}

// appendEnv appends values. The last one of a variable counts.
func appendEnv(file string, values map[string]string) (err error) {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" { // the file requires some values
			continue
		}
		fmt.Fprintf(&lines, "%s='%s'\n", name, values[name])
	}
	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return fmt.Errorf("read the env file: %w", err)
	}
	if err := os.WriteFile(file, append(content, lines.String()...), 0o600); err != nil {
		return fmt.Errorf("write the env file: %w", err)
	}
	return nil
}

// Value returns a value of the env file.
func (p *Project) Value(name string) string { return p.values[name] }

// URL returns the published base URL of the API.
func (p *Project) URL() string { return "http://127.0.0.1:" + p.Value("API_PORT") }

// Compose runs a command of Docker Compose on the project.
func (p *Project) Compose(ctx context.Context, args ...string) (string, error) {
	all := []string{"compose", "--project-name", p.Name, "--file", p.composeFile(), "--file", p.override(), "--env-file", p.env, "--progress", "plain"}
	for _, profile := range p.options.Profiles {
		all = append(all, "--profile", profile)
	}
	return p.docker(ctx, append(all, args...)...)
}

// Up starts the services that do not run, and returns when all are healthy. Missing images of the release are built.
func (p *Project) Up(ctx context.Context, args ...string) error {
	up := []string{"up", "--detach", "--wait"}
	if !p.built(ctx) {
		up = append(up, "--build")
	}
	_, err := p.Compose(ctx, append(up, args...)...)
	return err
}

// Scale changes the number of containers of a service, and leaves the others unchanged.
func (p *Project) Scale(ctx context.Context, service string, count int) error {
	_, err := p.Compose(ctx, "up", "--detach", "--wait", "--no-recreate", "--no-deps", "--scale", fmt.Sprintf("%s=%d", service, count), service)
	return err
}

// Down removes the containers and networks, and the data with volumes.
func (p *Project) Down(ctx context.Context, args ...string) error {
	_, err := p.Compose(ctx, append([]string{"down", "--remove-orphans"}, args...)...)
	return err
}

// built reports whether our images exist.
func (p *Project) built(ctx context.Context) bool {
	for name, service := range p.file.Services {
		if service.Build != nil && len(service.Profiles) == 0 && !p.has(ctx, p.image(name)) {
			return false
		}
	}
	return true
}
