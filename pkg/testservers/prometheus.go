package testservers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Prometheus is a Prometheus server with a configuration that the test chooses. It keeps its samples until it is closed.
type Prometheus struct {
	server
}

// StartPrometheus starts a server with a configuration file of that content. The caller closes it.
func StartPrometheus(config string) (*Prometheus, error) {
	path, err := findPrometheus()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, Hint())
	}
	dir, err := newDirectory("prometheus", nil)
	if err != nil {
		return nil, fmt.Errorf("preparing a directory for Prometheus: %w", err)
	}
	file := filepath.Join(dir.data(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring Prometheus: %w", err), dir.remove())
	}
	p := &Prometheus{server{dir: dir, program: program{
		name: "Prometheus",
		path: path,
		args: func(port int) []string {
			return []string{
				"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir.data(), "samples"), "--web.listen-address=" + address(port),
				"--log.level=warn",
			}
		},
		stop:    syscall.SIGTERM,
		discard: syscall.SIGKILL,
		ready:   func(ctx context.Context, port, _ int) error { return prometheusReady(ctx, port, file) },
	}}}
	if err := p.launch(context.Background()); err != nil {
		return nil, err
	}
	return p, nil
}

// URL returns the address of its web interface and API, without a slash at the end.
func (p *Prometheus) URL() string { return "http://" + address(p.Port()) }

// prometheusReady returns nil once the server is ready and its flags name the expected configuration file.
func prometheusReady(ctx context.Context, port int, file string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	var flags struct {
		Data map[string]string `json:"data"`
	}
	for path, into := range map[string]any{"/-/ready": nil, "/api/v1/status/flags": &flags} {
		if err := askPrometheus(ctx, client, "http://"+address(port)+path, into); err != nil {
			return err
		}
	}
	if flags.Data["config.file"] != file {
		return errPortTaken
	}
	return nil
}

func askPrometheus(ctx context.Context, client *http.Client, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("Prometheus answers %s", response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// FindPromtool returns the path of the program that checks and tests rules, which comes with Prometheus.
func FindPromtool() (string, error) {
	path, err := exec.LookPath("promtool")
	if err != nil {
		return "", fmt.Errorf("promtool, of Prometheus: %w", ErrNotInstalled)
	}
	return path, nil
}

func findPrometheus() (string, error) {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		return "", fmt.Errorf("Prometheus: %w", ErrNotInstalled)
	}
	return path, nil
}
