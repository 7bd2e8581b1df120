package containers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopPatience is how long an interrupted docker command may take to end.
const stopPatience = 20 * time.Second

// engine runs docker commands. Their environment has only the variables that locate the engine, because a variable of the shell would
// override a value of an env file.
type engine struct {
	// config is the directory of the client's settings and plugins. Empty means the user's own.
	config string
}

// docker runs a command and returns what it wrote to standard output.
func (e engine) docker(ctx context.Context, args ...string) (string, error) {
	return e.run(ctx, nil, args...)
}

func (e engine) run(ctx context.Context, variables []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(e.environ(), variables...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	var output, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &complaints
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return strings.TrimSpace(output.String()), nil
}

func (e engine) environ() []string {
	var environ []string
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	} {
		if value, found := os.LookupEnv(name); found {
			environ = append(environ, name+"="+value)
		}
	}
	if e.config != "" {
		environ = append(environ, "DOCKER_CONFIG="+e.config)
	}
	return environ
}

// Docker runs a docker command with the user's own settings and returns what it wrote to standard output.
func Docker(ctx context.Context, args ...string) (string, error) {
	return engine{}.docker(ctx, args...)
}

// Answers reports whether a Docker engine answers, and its version if one does.
func Answers(ctx context.Context) (version string, answers bool) {
	version, err := engine{}.docker(ctx, "version", "--format", "{{.Server.Version}}")
	return version, err == nil && version != ""
}
