package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The services of docker-compose.yml that tests name.
const (
	API        = "api-service"
	Dispatcher = "dispatcher-service"
	Postgres   = "postgres"
	Redis      = "redis"
	Proxy      = "proxy"
)

// Container is a container of a project, at the time of the query.
type Container struct {
	ID      string `json:"Id"`
	Created time.Time
	State   struct {
		PID        int `json:"Pid"`
		ExitCode   int
		OOMKilled  bool
		Running    bool
		StartedAt  time.Time
		FinishedAt time.Time
		Health     *struct{ Status string }
	}
	RestartCount int
	Config       struct {
		User   string
		Labels map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs bool
	}
	NetworkSettings struct {
		Networks map[string]struct {
			IPAddress  string
			Aliases    []string
			IPAMConfig *struct{ IPv4Address string }
		}
		Ports map[string][]struct{ HostIP, HostPort string }
	}
}

// Service returns the name of the container's service in docker-compose.yml.
func (c Container) Service() string { return c.Config.Labels["com.docker.compose.service"] }

// Healthy reports whether it runs and passes its check, if it has one.
func (c Container) Healthy() bool {
	return c.State.Running && (c.State.Health == nil || c.State.Health.Status == "healthy")
}

// Containers returns the containers of the services, oldest first, or of all services if none is named. It includes those that have ended.
func (p *Project) Containers(ctx context.Context, services ...string) ([]Container, error) {
	list, err := p.docker(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.Name)
	if err != nil || list == "" {
		return nil, err
	}
	inspected, err := p.docker(ctx, append([]string{"inspect"}, strings.Fields(list)...)...)
	if err != nil {
		return nil, err
	}
	var all []Container
	if err := json.Unmarshal([]byte(inspected), &all); err != nil {
		return nil, fmt.Errorf("read the containers of %s: %w", p.Name, err)
	}
	all = slices.DeleteFunc(all, func(c Container) bool {
		return len(services) > 0 && !slices.Contains(services, c.Service()) || c.Config.Labels["com.docker.compose.oneoff"] == "True"
	})
	slices.SortFunc(all, func(a, b Container) int { return a.Created.Compare(b.Created) })
	return all, nil
}

// Container returns the only container of a service.
func (p *Project) Container(ctx context.Context, service string) (Container, error) {
	found, err := p.Containers(ctx, service)
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s has %d containers of %s", p.Name, len(found), service)
	}
	if err != nil {
		return Container{}, err
	}
	return found[0], nil
}

// Network returns the engine's name of a network of the project.
func (p *Project) Network(name string) string { return p.Name + "_" + name }

// Address returns the address of a container in a network of the project, as this machine reaches it. It can change when the container
// restarts.
func (p *Project) Address(ctx context.Context, service, network string) (string, error) {
	c, err := p.Container(ctx, service)
	if err != nil {
		return "", err
	}
	return p.AddressOf(c, network)
}

// AddressOf is Address for a container that was queried before.
func (p *Project) AddressOf(c Container, network string) (string, error) {
	address := c.NetworkSettings.Networks[p.Network(network)].IPAddress
	if address == "" {
		return "", fmt.Errorf("%s has no address in %s", c.Service(), p.Network(network))
	}
	return address, nil
}

// Crash kills the process of a container as a crash does. After `docker kill` the engine would not restart the container.
func (p *Project) Crash(ctx context.Context, service string) error {
	c, err := p.Container(ctx, service)
	if err != nil {
		return err
	}
	if c.State.PID == 0 {
		return fmt.Errorf("%s does not run", service)
	}
	if err := syscall.Kill(c.State.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the process of %s: %w", service, err)
	}
	return nil
}

// Disconnect removes a container from a network. The returned function connects it again under its former names.
func (p *Project) Disconnect(ctx context.Context, service, network string) (reconnect func(context.Context) error, err error) {
	c, err := p.Container(ctx, service)
	if err != nil {
		return nil, err
	}
	if _, err := p.docker(ctx, "network", "disconnect", p.Network(network), c.ID); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		args := []string{"network", "connect"}
		was := c.NetworkSettings.Networks[p.Network(network)]
		for _, alias := range was.Aliases {
			args = append(args, "--alias", alias)
		}
		if was.IPAMConfig != nil && was.IPAMConfig.IPv4Address != "" {
			args = append(args, "--ip", was.IPAMConfig.IPv4Address)
		}
		_, err := p.docker(ctx, append(args, p.Network(network), c.ID)...)
		return err
	}, nil
}

// Exec runs a command in the container of a service and returns what it printed.
func (p *Project) Exec(ctx context.Context, service string, variables map[string]string, command ...string) (string, error) {
	found, err := p.Containers(ctx, service)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s has no container of %s", p.Name, service)
	}
	args := []string{"exec"}
	for name, value := range variables {
		args = append(args, "--env", name+"="+value)
	}
	return p.docker(ctx, append(append(args, found[0].ID), command...)...)
}

// Logs returns the output of the project's containers.
func (p *Project) Logs(ctx context.Context, services ...string) (string, error) {
	return p.Compose(ctx, append([]string{"logs", "--no-color", "--no-log-prefix"}, services...)...)
}
