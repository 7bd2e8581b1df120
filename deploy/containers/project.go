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
	// Settings are environment variables of both services, and those of the file that Compose itself reads.
	Settings map[string]string
	// Profiles are the profiles of docker-compose.yml that are started beside its usual services.
	Profiles []string
	// Release is which of our images it starts with. Defaults to Now. They are built on Up if there are none.
	Release Release
}

// Release says what our images are built from.
type Release string

// The releases.
const (
	Now    Release = ""       // the working copy
	Before Release = "before" // the commit before the last
)

// Project is one project of Docker Compose.
type Project struct {
	*Session
	// Name is the project's.
	Name    string
	options ProjectOptions
	env     string
	values  map[string]string
	file    *composed
	// tag is that of our images, and source what they are built from. Empty, that is the repository.
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

// env makes an env file as `make env` does, with ports and a network that are free, and settings in the place of its own.
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

// appendEnv adds values, the last of which count.
func appendEnv(file string, values map[string]string) (err error) {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" { // the file insists on some
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

// Value is what the env file says.
func (p *Project) Value(name string) string { return p.values[name] }

// URL is the base URL of the API, as it is published.
func (p *Project) URL() string { return "http://127.0.0.1:" + p.Value("API_PORT") }

// Compose runs a command of Docker Compose on the project.
func (p *Project) Compose(ctx context.Context, args ...string) (string, error) {
	all := []string{"compose", "--project-name", p.Name, "--file", p.composeFile(), "--file", p.override(), "--env-file", p.env, "--progress", "plain"}
	for _, profile := range p.options.Profiles {
		all = append(all, "--profile", profile)
	}
	return p.docker(ctx, append(all, args...)...)
}

// Up starts what is not running as it should be, and returns when it is healthy. Our images are built if there are none of the
// release.
func (p *Project) Up(ctx context.Context, args ...string) error {
	up := []string{"up", "--detach", "--wait"}
	if !p.built(ctx) {
		up = append(up, "--build")
	}
	_, err := p.Compose(ctx, append(up, args...)...)
	return err
}

// Scale changes how many containers a service has, and leaves the others as they are.
func (p *Project) Scale(ctx context.Context, service string, count int) error {
	_, err := p.Compose(ctx, "up", "--detach", "--wait", "--no-recreate", "--no-deps", "--scale", fmt.Sprintf("%s=%d", service, count), service)
	return err
}

// Down removes the containers and networks, and with volumes also the data.
func (p *Project) Down(ctx context.Context, args ...string) error {
	_, err := p.Compose(ctx, append([]string{"down", "--remove-orphans"}, args...)...)
	return err
}

// built says whether our images are there.
func (p *Project) built(ctx context.Context) bool {
	for name, service := range p.file.Services {
		if service.Build != nil && len(service.Profiles) == 0 && !p.has(ctx, p.image(name)) {
			return false
		}
	}
	return true
}
