package nodes

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/containers"
	"redrive/deploy/stack/process"
	"redrive/pkg/keyring"
)

const (
	apiProgram        = "api-service"
	dispatcherProgram = "dispatcher-service"
	apiCount          = 2
	dispatcherCount   = 3
	// dispatcherHost is the last number of the address of the first dispatcher. The receiver identifies dispatchers by their addresses.
	dispatcherHost  = 51
	deliveryTimeout = 5 * time.Second
	schedule        = "1s,1s,1s,2s"
	// defaultMaxRetries is enough for a delivery that its receiver takes in the end, unless a dispatcher does not reach the receiver.
	defaultMaxRetries = 4
	stopLimit         = 5 * time.Minute // a safety limit
)

// sources are the programs of the services.
func sources() []process.Source {
	return []process.Source{
		{Output: apiProgram, Module: "api-service", Package: "./cmd/api-service", Version: "nodes"},
		{Output: dispatcherProgram, Module: "dispatcher-service", Package: "./cmd/dispatcher-service", Version: "nodes"},
	}
}

// dispatcherOf returns the number of the dispatcher that sent a request to the receiver, by its address.
func (w *world) dispatcherOf(request *http.Request) int {
	for i := range dispatcherCount {
		if strings.HasPrefix(request.RemoteAddr, fmt.Sprintf("%s.%d:", w.subnets[receivers], dispatcherHost+i)) {
			return i
		}
	}
	return -1
}

// configure makes the settings of all services.
func (w *world) configure(context.Context) error {
	key, err := keyring.Generate()
	if err != nil {
		return err
	}
	w.settings = map[string]string{
		"DATABASE_URL":         w.databaseURL(),
		"REDIS_URL":            w.redisURL(),
		"SECRETS_KEY":          key,
		"EGRESS_ALLOW_HTTP":    "true",
		"EGRESS_ALLOW":         w.gateway(receivers) + "/32",
		"DELIVERY_TIMEOUT":     deliveryTimeout.String(),
		"RETRY_SCHEDULE":       schedule,
		"ENDPOINT_CONCURRENCY": "50",
	}
	return nil
}

// startServices migrates and starts all services and the proxy.
func (w *world) startServices(ctx context.Context) error {
	migrate, err := w.start(ctx, w.program("migrate", 40, apiProgram, nil, "migrate"))
	if err != nil {
		return err
	}
	if said, err := containers.Docker(ctx, "wait", migrate.container); err != nil || said != "0" {
		log, _ := migrate.logs(ctx, "20")
		return fmt.Errorf("migrate: exit code %s: %w\n%s", said, err, log)
	}
	for i := range apiCount {
		role := fmt.Sprintf("api-%d", i)
		s := w.program(role, 41+i, apiProgram, map[string]string{
			"API_ADDR": ":8080", "OPS_ADDR": ":9090", "TRUSTED_PROXIES": w.subnets[edge] + ".0/24",
		})
		s.networks, s.alias = []string{edge, data}, "api-service"
		n, err := w.start(ctx, s)
		if err != nil {
			return err
		}
		w.apis = append(w.apis, n)
	}
	for i := range dispatcherCount {
		role := fmt.Sprintf("dispatcher-%d", i)
		s := w.program(role, dispatcherHost+i, dispatcherProgram, map[string]string{"OPS_ADDR": ":9091"})
		s.networks = []string{data, receivers}
		n, err := w.start(ctx, s)
		if err != nil {
			return err
		}
		w.dispatchers = append(w.dispatchers, n)
	}
	return w.startProxy(ctx)
}

// program describes a node of a service.
func (w *world) program(role string, host int, file string, settings map[string]string, args ...string) spec {
	env := maps.Clone(w.settings)
	maps.Copy(env, settings)
	programs := w.programs
	if ahead := w.clocks[role]; ahead != 0 {
		programs, env[aheadVariable] = w.moved, strconv.Itoa(int(ahead.Seconds()))
	}
	return spec{
		role: role, host: host, networks: []string{data}, user: "72:72", mounts: map[string]string{"/service": filepath.Join(programs, file)},
		env: env, command: append([]string{"/service"}, args...),
	}
}

// startProxy starts the proxy of docker-compose.yml, and returns when every service is ready.
func (w *world) startProxy(ctx context.Context) error {
	workspace, err := process.Workspace()
	if err != nil {
		return err
	}
	w.proxy, err = w.start(ctx, spec{
		role: "proxy", host: 61, networks: []string{edge}, user: "72:72",
		mounts:  map[string]string{"/haproxy.cfg": filepath.Join(workspace, "deploy", "docker", "proxy", "haproxy.cfg")},
		command: []string{"haproxy", "-W", "-db", "-f", "/haproxy.cfg"},
	})
	if err != nil {
		return err
	}
	for _, n := range append(w.apis, w.dispatchers...) {
		if err := await.Until(ctx, startPatience, func() (bool, error) { return w.ready(ctx, n) }); err != nil {
			log, _ := n.logs(ctx, "20")
			return fmt.Errorf("wait for %s: %w\n%s", n.role, err, log)
		}
	}
	return nil
}

// ready reports whether /readyz of a service answers 200.
func (w *world) ready(ctx context.Context, n *node) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	port := "9090"
	if strings.HasPrefix(n.role, "dispatcher") {
		port = "9091"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.address(data)+":"+port+"/readyz", http.NoBody)
	if err != nil {
		return false, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}

// url is the base URL of the API behind the proxy.
func (w *world) url() string { return "http://" + w.proxy.address(edge) + ":8080" }

// newKey makes an API key, which no log may hold.
func (w *world) newKey(ctx context.Context, organization string) (string, error) {
	key, err := w.apis[0].exec(ctx, "/service", "keys", "create", "--organization", organization, "--name", "nodes", "--scope", "read-write")
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.keys = append(w.keys, key)
	return key, err
}
