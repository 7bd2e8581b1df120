package containers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// plugin is a command of the Docker client in a separate program.
type plugin struct {
	name string
	// module and version are the source, and stamp is the variable that the version is written to.
	module, version, stamp string
	// program is its main package in the module.
	program string
	// copied builds the module from a copy, because the go command installs no module with exclude directives.
	copied bool
	// least is the oldest minor version of that major version that is accepted from the machine.
	least [2]int
}

// Compose refuses a buildx with an unknown version.
var plugins = []plugin{
	{
		name: "docker-compose", module: "github.com/docker/compose/v2", version: "v2.40.3",
		stamp: "github.com/docker/compose/v2/internal.Version", program: "cmd", copied: true,
		least: [2]int{2, 24}, // the first one that supports !reset
	},
	{
		name: "docker-buildx", module: "github.com/docker/buildx", version: "v0.38.2",
		stamp: "github.com/docker/buildx/version.Version", program: "cmd/buildx",
		least: [2]int{0, 17}, // Compose asks for it
	},
}

// pluginDir makes a directory of client settings with both plugins, and leaves the user's own unchanged. The user's plugins are used.
// Missing ones are built once for each version and kept in the user's cache directory.
func pluginDir(ctx context.Context, progress io.Writer, dir string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("find the settings of the Docker client: %w", err)
	}
	users := filepath.Join(home, ".docker")
	if given := os.Getenv("DOCKER_CONFIG"); given != "" {
		users = given
	}
	if err := os.MkdirAll(filepath.Join(dir, "cli-plugins"), 0o750); err != nil {
		return fmt.Errorf("make a directory for plugins: %w", err)
	}
	// Contexts and credentials are copied unchanged.
	for _, name := range []string{"config.json", "contexts", "certs"} {
		if err := link(filepath.Join(users, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, p := range plugins {
		path, err := p.find(ctx, progress, filepath.Join(users, "cli-plugins"))
		if err != nil {
			return err
		}
		if err := link(path, filepath.Join(dir, "cli-plugins", p.name)); err != nil {
			return err
		}
	}
	return nil
}

func link(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.Symlink(from, to); err != nil {
		return fmt.Errorf("link %s: %w", from, err)
	}
	return nil
}

// find returns the path of the plugin, and builds it if there is none.
func (p plugin) find(ctx context.Context, progress io.Writer, users string) (string, error) {
	for _, dir := range []string{users, "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins"} {
		if path := filepath.Join(dir, p.name); p.usable(ctx, path) {
			return path, nil
		}
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, p.name+"-"+p.version)
	if p.usable(ctx, path) {
		return path, nil
	}
	fmt.Fprintf(progress, "building %s %s from its module, once\n", p.name, p.version)
	return path, p.build(ctx, path)
}

// usable reports whether the program is the plugin in a version that is new enough.
func (p plugin) usable(ctx context.Context, path string) bool {
	said, err := exec.CommandContext(ctx, path, "docker-cli-plugin-metadata").Output()
	if err != nil {
		return false
	}
	var metadata struct{ Version string }
	if json.Unmarshal(said, &metadata) != nil {
		return false
	}
	var major, minor int
	_, err = fmt.Sscanf(strings.TrimPrefix(metadata.Version, "v"), "%d.%d", &major, &minor)
	return err == nil && (major > p.least[0] || major == p.least[0] && minor >= p.least[1])
}

// build builds the program beside its final path and then renames it, so that the path never has a part of it.
func (p plugin) build(ctx context.Context, path string) (err error) {
	temporary, err := os.MkdirTemp(filepath.Dir(path), p.name+"-")
	if err != nil {
		return fmt.Errorf("build %s: %w", p.name, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	flags := []string{"-trimpath", "-ldflags", fmt.Sprintf("-s -w -X %s=%s", p.stamp, p.version)}
	if p.copied {
		err = p.buildCopy(ctx, temporary, flags)
	} else {
		install := append(append([]string{"install"}, flags...), p.module+"/"+p.program+"@"+p.version)
		_, err = goCommand(ctx, temporary, []string{"GOBIN=" + temporary}, install...)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(temporary, filepath.Base(p.program)), path); err != nil {
		return fmt.Errorf("build %s: %w", p.name, err)
	}
	return nil
}

func (p plugin) buildCopy(ctx context.Context, dir string, flags []string) error {
	downloaded, err := goCommand(ctx, dir, nil, "mod", "download", "-json", p.module+"@"+p.version)
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(downloaded), &module); err != nil {
		return fmt.Errorf("find the source of %s: %w", p.name, err)
	}
	source := filepath.Join(dir, "source")
	if err := os.CopyFS(source, os.DirFS(module.Dir)); err != nil {
		return fmt.Errorf("copy the source of %s: %w", p.name, err)
	}
	args := append(append([]string{"build"}, flags...), "-o", filepath.Join(dir, filepath.Base(p.program)), "./"+p.program)
	_, err = goCommand(ctx, source, nil, args...)
	return err
}

func goCommand(ctx context.Context, dir string, variables []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false"}, variables...)...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return string(output), nil
}
