package kubernetes_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	api "redrive/api-service/app"
	"redrive/deploy/local"
	dispatcher "redrive/dispatcher-service/app"
	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/observe"
)

// quiet drops what the services log.
var quiet = slog.New(slog.DiscardHandler)

// opsOf runs both services on loopback and returns the base URL of each ops port.
func opsOf(t *testing.T) map[string]string {
	t.Helper()
	running, err := local.New(t.Context(), local.Options{Dir: t.TempDir(), Log: quiet})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), running.TimeToStop())
		defer cancel()
		assert.NoError(t, running.Stop(ctx))
		http.DefaultClient.CloseIdleConnections()
	})
	require.NoError(t, running.Start(t.Context()))
	addresses := running.Addresses()
	const page = len("/breakers")
	return map[string]string{
		"redrive-api": addresses.Ops, "redrive-dispatcher": addresses.Breakers[:len(addresses.Breakers)-page],
	}
}

// get returns the status and the body of a page.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestProbesAskWhatTheServicesServe(t *testing.T) {
	urls := opsOf(t)
	for _, path := range builds {
		pods := templates(build(t, path))
		for name, url := range urls {
			container := pods[name].Spec.Containers[0]
			for probe, want := range map[*corev1.Probe]string{
				container.StartupProbe: "/livez", container.LivenessProbe: "/livez", container.ReadinessProbe: "/readyz",
			} {
				require.NotNil(t, probe, name)
				require.NotNil(t, probe.HTTPGet, name)
				assert.Equal(t, want, probe.HTTPGet.Path, name)
				assert.Equal(t, "ops", probe.HTTPGet.Port.String(), name)
				status, _ := get(t, url+probe.HTTPGet.Path)
				assert.Equal(t, http.StatusOK, status, "%s of %s", want, name)
			}
			status, _ := get(t, url+"/other")
			assert.Equal(t, http.StatusNotFound, status, "a path with a typing error is seen")
		}
		migrate := pods["redrive-migrate"].Spec.Containers[0]
		assert.Nil(t, migrate.ReadinessProbe)
		assert.Empty(t, migrate.Ports)
	}
}

// A readiness probe that gives up earlier than /readyz answers would not tell a slow PostgreSQL from none. synctest's clock measures it.
func TestProbesOutlastTheirAnswers(t *testing.T) {
	var longest time.Duration
	synctest.Test(t, func(t *testing.T) {
		hangs := observe.Check{Name: "hangs", Required: true, Probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
		require.NoError(t, err)
		began, answer := time.Now(), &discarded{}
		observe.NewHealth(hangs).Handler(observe.NewRegistry()).ServeHTTP(answer, request)
		assert.Equal(t, http.StatusServiceUnavailable, answer.status)
		longest = time.Since(began)
	})
	require.Positive(t, longest)
	const startWithoutDatabase = 10 * time.Second // store.CheckSchemaOrWait
	for _, path := range builds {
		for name, pod := range templates(build(t, path)) {
			if name == "redrive-migrate" {
				continue
			}
			container := pod.Spec.Containers[0]
			assert.Greater(t, time.Duration(container.ReadinessProbe.TimeoutSeconds)*time.Second, longest, name)
			start := container.StartupProbe
			assert.Greater(t, time.Duration(start.PeriodSeconds*start.FailureThreshold)*time.Second, 2*startWithoutDatabase, name)
		}
	}
}

// discarded is an answer of which only the status is kept.
type discarded struct {
	status int
	header http.Header
}

func (d *discarded) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discarded) Write(text []byte) (int, error) { return len(text), nil }
func (d *discarded) WriteHeader(status int)         { d.status = status }

func TestPortsAreThoseOfTheSettings(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		for name, settings := range map[string]map[string]string{
			"redrive-api":        {"http": "API_ADDR", "ops": "OPS_ADDR"},
			"redrive-dispatcher": {"ops": "OPS_ADDR"},
		} {
			ports := portsOf(templates(all)[name])
			assert.Len(t, ports, len(settings), name)
			for port, setting := range settings {
				_, number, err := net.SplitHostPort(environment(t, all, name)[setting])
				require.NoError(t, err, setting)
				assert.Equal(t, number, strconv.Itoa(int(ports[port])), "%s of %s", port, name)
			}
		}
		service := named[*corev1.Service](t, all, "redrive-api")
		for _, port := range service.Spec.Ports {
			assert.Equal(t, port.Name, port.TargetPort.String())
			assert.Contains(t, portsOf(templates(all)["redrive-api"]), port.Name)
		}
	}
}

func portsOf(pod corev1.PodTemplateSpec) map[string]int32 {
	ports := map[string]int32{}
	for _, port := range pod.Spec.Containers[0].Ports {
		ports[port.Name] = port.ContainerPort
	}
	return ports
}

// timeToStop asks each service for the longest duration of its stop with the settings.
func timeToStop(t *testing.T, name string, values map[string]string) time.Duration {
	t.Helper()
	if name == "redrive-api" {
		settings, err := config.LoadAPI(values)
		require.NoError(t, err)
		service, err := api.New(api.Options{
			Store: opened(t, settings.Shared).Store, Redis: opened(t, settings.Shared).Redis, Guard: egress.New(egress.Config{}), Log: quiet,
			Addr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0", DrainDelay: settings.DrainDelay, DatabaseTimeout: settings.Statements.Timeout,
		})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, service.Stop(t.Context())) }) // the context has ended: it does not wait for DRAIN_DELAY
		return service.TimeToStop()
	}
	settings, err := config.LoadDispatcher(values)
	require.NoError(t, err)
	service, err := dispatcher.New(dispatcher.Options{
		Store: opened(t, settings.Shared).Store, Redis: opened(t, settings.Shared).Redis, Guard: egress.New(egress.Config{}), Log: quiet,
		OpsAddr: "127.0.0.1:0", DeliveryTimeout: settings.DeliveryTimeout, DatabaseTimeout: settings.Statements.Timeout,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, service.Stop(context.WithoutCancel(t.Context()))) })
	return service.TimeToStop()
}

// opened is a store and a Redis client that have not connected.
func opened(t *testing.T, settings config.Shared) *backend.Backend {
	t.Helper()
	b, err := backend.Open(settings, config.Replica{}, "test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return b
}

func TestGracePeriodsFollowFromTheSettings(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		for name, longer := range map[string]map[string]string{
			"redrive-api":        {"DRAIN_DELAY": "20s"},
			"redrive-dispatcher": {"DELIVERY_TIMEOUT": "45s"},
		} {
			pod := templates(all)[name]
			values := inProcess(t, environment(t, all, name), mounted(t, pod))
			grace := time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second
			needed := timeToStop(t, name, values)
			assert.Greater(t, grace, needed, "%s is killed before it has stopped", name)
			assert.Less(t, grace, needed+15*time.Second, "%s: a longer one delays every rollout", name)
			for setting, value := range longer {
				values[setting] = value
				assert.Greater(t, timeToStop(t, name, values), grace, "%s follows from %s", name, setting)
			}
		}
	}
}
