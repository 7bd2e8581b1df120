package containers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	// prefix begins the names of projects, volumes and networks of all sessions. label marks resources that Compose did not create.
	prefix = "redrive-stack-"
	label  = "redrive.stack"
	// Variable names the file of the session that a test process joins.
	Variable = "REDRIVE_STACK_SESSION"
)

// Session is one run of tests on an engine. All its methods are safe for concurrent use.
type Session struct {
	engine
	// ID is part of the name of everything that the session creates.
	ID string
	// Dir is a folder for files. It is removed with the session.
	Dir string
	// Repository is the directory of docker-compose.yml.
	Repository string
	// Receivers is an address of this machine that containers can reach: the gateway of the session's own network.
	Receivers string
	// Images are those of others, by their names in docker-compose.yml. GoImage builds ours.
	Images  map[string]Image
	GoImage Image
	// Settings is the directory of the Docker client's settings and plugins.
	Settings string
}

// Open begins a session and obtains the images that it needs. The caller closes it, also after an error.
func Open(ctx context.Context, progress io.Writer) (*Session, error) {
	number := make([]byte, 4)
	_, _ = rand.Read(number) // it never fails
	s := &Session{ID: hex.EncodeToString(number), Images: map[string]Image{}}
	var err error
	if s.Repository, err = repository(ctx); err != nil {
		return s, err
	}
	if s.Dir, err = os.MkdirTemp("", prefix+s.ID+"-"); err != nil {
		return s, fmt.Errorf("make a directory for the session: %w", err)
	}
	s.Settings = filepath.Join(s.Dir, "docker")
	if err := pluginDir(ctx, progress, s.Settings); err != nil {
		return s, err
	}
	s.config = s.Settings
	if err := s.listen(ctx); err != nil {
		return s, err
	}
	if err := s.obtainAll(ctx, progress); err != nil {
		return s, err
	}
	return s, s.save()
}

// Join returns the session that the process joins. Another process opened it and closes it.
func Join() (*Session, error) {
	file := os.Getenv(Variable)
	if file == "" {
		return nil, fmt.Errorf("%s names no session: run this by `make stack`", Variable)
	}
	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	s := &Session{}
	if err := json.Unmarshal(content, s); err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	s.config = s.Settings
	return s, nil
}

// File is the value of Variable in the processes that join.
func (s *Session) File() string { return filepath.Join(s.Dir, "session.json") }

func (s *Session) save() error {
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	if err := os.WriteFile(s.File(), content, 0o600); err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	return nil
}

// listen makes the network whose gateway receivers listen on. No container is in it. Containers of other networks reach the address,
// since it is one of the machine.
func (s *Session) listen(ctx context.Context) error {
	network := prefix + s.ID
	if _, err := s.docker(ctx, "network", "create", "--label", label+"="+s.ID, network); err != nil {
		return err
	}
	gateway, err := s.docker(ctx, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network)
	if err != nil {
		return err
	}
	s.Receivers = gateway
	return nil
}

// Close removes everything that the session created. It continues after an error and returns all errors.
func (s *Session) Close(ctx context.Context) error {
	var failures []error
	mine := "label=" + label + "=" + s.ID
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "--all", "--quiet", "--filter", mine}, []string{"rm", "--force", "--volumes"}},
		{[]string{"ps", "--all", "--quiet", "--filter", "name=" + prefix + s.ID}, []string{"rm", "--force", "--volumes"}},
		{[]string{"volume", "ls", "--quiet", "--filter", "name=" + prefix + s.ID}, []string{"volume", "rm", "--force"}},
		{[]string{"network", "ls", "--quiet", "--filter", "name=" + prefix + s.ID}, []string{"network", "rm"}},
		// Images are removed by name. Two sessions with equal content share one image, and removing the image would remove both names.
		{names(imagePrefix + "*:" + s.ID + "*"), []string{"image", "rm"}},
		{names(standinPrefix + "*:" + s.ID), []string{"image", "rm"}},
		{names(standinPrefix + "*/*:" + s.ID), []string{"image", "rm"}},
	} {
		listed, err := s.docker(ctx, kind.list...)
		if found := strings.Fields(listed); err == nil && len(found) > 0 {
			_, err = s.docker(ctx, append(kind.remove, found...)...)
		}
		failures = append(failures, err)
	}
	if s.Dir != "" {
		failures = append(failures, os.RemoveAll(s.Dir))
	}
	return errors.Join(failures...)
}

// names is the command that lists the names of images.
func names(reference string) []string {
	return []string{"image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=" + reference}
}

// repository returns the directory of the workspace that contains the working directory.
func repository(ctx context.Context) (string, error) {
	workspace, err := exec.CommandContext(ctx, "go", "env", "GOWORK").Output()
	if file := strings.TrimSpace(string(workspace)); err == nil && filepath.IsAbs(file) {
		return filepath.Dir(file), nil
	}
	return "", errors.Join(errors.New("the working directory is in no Go workspace: run this where the source is"), err)
}
