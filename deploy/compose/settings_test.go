package compose_test

import (
	"context"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/webhook"
)

func TestSecretsAreRequiredWithInstructions(t *testing.T) {
	for _, name := range []string{"POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRETS_KEY", "OPERATOR_PASSWORD"} {
		without := environment(t)
		delete(without, name)
		_, err := load(t, without)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "run make env first")
	}
}

func TestServicesHaveTheirSettings(t *testing.T) {
	for _, services := range []types.Services{project(t, environment(t)).Services, demo(t).Services} {
		api, dispatcher := resolved(services["api-service"]), resolved(services["dispatcher-service"])
		required(t, config.Variables(config.API{}), api)
		required(t, config.Variables(config.Dispatcher{}), dispatcher)
		required(t, config.Variables(config.Database{}), resolved(services["migrate"]))
		assert.NotEmpty(t, api["OPERATOR_PASSWORD"], "without it the queue's web UI is not there")

		_, err := config.LoadAPI(api)
		require.NoError(t, err)
		_, err = config.LoadDispatcher(dispatcher)
		require.NoError(t, err)
		assert.Equal(t, api["SECRETS_KEY"], dispatcher["SECRETS_KEY"], "one seals what the other opens")
	}
}

func required(t *testing.T, variables []config.Variable, values map[string]string) {
	t.Helper()
	for _, variable := range variables {
		if variable.Required {
			assert.NotEmpty(t, values[variable.Name], variable.Name)
		}
	}
}

// A name that no program reads is a typing error: the intended setting keeps its default.
func TestNoSettingIsMisspelt(t *testing.T) {
	known := map[string][]config.Variable{
		"migrate":            config.Variables(config.Database{}),
		"api-service":        append(config.Variables(config.API{}), config.Variable{Name: "API_STRANGER_RATE_LIMIT"}), // an old name
		"dispatcher-service": config.Variables(config.Dispatcher{}),
		"receiver":           {{Name: "RECEIVER_ADDR"}, {Name: "RECEIVER_SECRETS"}},
	}
	services := demo(t).Services
	for service, variables := range known {
		for name := range services[service].Environment {
			assert.True(t, slices.ContainsFunc(variables, func(v config.Variable) bool { return v.Name == name }), "%s of %s", name, service)
		}
	}
}

// Every secret differs between two installations, so that the file contains none.
func TestNoSecretIsInTheFile(t *testing.T) {
	one, other := demo(t).Services, demo(t).Services
	secret := 0
	for name, service := range one {
		for variable, value := range resolved(service) {
			if !strings.Contains(variable, "PASSWORD") && !strings.Contains(variable, "KEY") && !strings.Contains(variable, "AUTH") {
				if location, err := url.Parse(value); err != nil || location.User == nil {
					continue
				}
			}
			secret++
			assert.NotEqual(t, value, resolved(other[name])[variable], "%s of %s", variable, name)
		}
	}
	assert.GreaterOrEqual(t, secret, 8)

	text, err := os.ReadFile(repository + "/.env.example")
	require.NoError(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		name, value, _ := strings.Cut(line, "=")
		if strings.HasSuffix(name, "PASSWORD") || strings.HasSuffix(name, "KEY") {
			assert.Empty(t, value, name)
		}
	}
}

func TestStoppingOutlastsWhatIsInProgress(t *testing.T) {
	services := project(t, environment(t)).Services
	dispatcher := services["dispatcher-service"]
	settings, err := config.LoadDispatcher(resolved(dispatcher))
	require.NoError(t, err)
	const recording = 10 * time.Second // the dispatcher's allowance beside an attempt
	attempt := max(settings.DeliveryTimeout, webhook.MaxTimeoutSeconds*time.Second)
	assert.Greater(t, time.Duration(*dispatcher.StopGracePeriod), attempt+recording)

	const answering = 30 * time.Second // the API's allowance beside DRAIN_DELAY
	grace := time.Duration(*services["api-service"].StopGracePeriod)
	longest := (grace - answering).String()
	api := resolved(services["api-service"])
	_, err = config.LoadAPI(with(api, "DRAIN_DELAY", longest))
	require.ErrorContains(t, err, "DRAIN_DELAY", "every delay that is allowed ends within the grace period")
	assert.Greater(t, time.Duration(*services["proxy"].StopGracePeriod), time.Minute, "the longest answer that the proxy waits for")
}

func with(values map[string]string, name, value string) map[string]string {
	changed := maps.Clone(values)
	changed[name] = value
	return changed
}

// The receiver's address is allowed after the user has set it, and no other address of the stack.
func TestPrivateAddressesAreClosedUnlessAskedFor(t *testing.T) {
	shown := demo(t)
	receiver := netip.MustParseAddr(shown.Services["receiver"].Networks["edge"].Ipv4Address)
	network := shown.Networks["edge"].Ipam.Config[0]
	assert.True(t, netip.MustParsePrefix(network.Subnet).Contains(receiver))
	assert.False(t, netip.MustParsePrefix(network.IPRange).Contains(receiver), "another container could get the address first")

	closed := project(t, environment(t)).Services
	for _, name := range []string{"api-service", "dispatcher-service"} {
		assert.NotContains(t, resolved(closed[name]), "EGRESS_ALLOW", name)
		assert.NotContains(t, resolved(closed[name]), "EGRESS_ALLOW_HTTP", name)
		assert.Contains(t, shown.Services[name].Networks, "edge", "%s can resolve the receiver's name", name)

		guard := guardOf(t, closed[name], receiver)
		require.Error(t, guard.CheckURL(t.Context(), "http://receiver:8099/ok"))
		require.Error(t, guard.CheckURL(t.Context(), "https://receiver:8099/ok"))

		guard = guardOf(t, shown.Services[name], receiver)
		require.NoError(t, guard.CheckURL(t.Context(), "http://receiver:8099/ok"))
		require.Error(t, guard.CheckAddr(receiver.Next()))
		require.Error(t, guard.CheckAddr(netip.MustParseAddr("172.18.0.2")), "where engines put databases")
	}
	for _, database := range []string{"postgres", "redis"} {
		assert.Equal(t, []string{"data"}, slices.Collect(maps.Keys(shown.Services[database].Networks)), database)
	}
	assert.True(t, shown.Networks["data"].Internal)
}

// The API accepts the client's address from the proxy and from this machine, and from no other container.
func TestAPITrustsProxyAndMachineOnly(t *testing.T) {
	for network, trusted := range map[string]string{"": "192.0.2.0/24", "10.99.1": ""} {
		values := environment(t)
		values["TRUSTED_PROXIES"] = trusted
		if network != "" {
			values["EDGE_NETWORK"] = network
		}
		composed := project(t, values)
		edge := composed.Networks["edge"].Ipam.Config[0]
		proxy := composed.Services["proxy"].Networks["edge"].Ipv4Address
		assert.False(t, netip.MustParsePrefix(edge.IPRange).Contains(netip.MustParseAddr(proxy)), "another container could get the address first")
		settings, err := config.LoadAPI(resolved(composed.Services["api-service"]))
		require.NoError(t, err)
		want := []netip.Prefix{netip.MustParsePrefix(proxy + "/32"), netip.MustParsePrefix(edge.Gateway + "/32")}
		if trusted != "" {
			want = append(want, netip.MustParsePrefix(trusted))
		}
		assert.Equal(t, want, settings.TrustedProxies)
		assert.True(t, netip.MustParsePrefix(edge.Subnet).Contains(netip.MustParseAddr(edge.Gateway)))
	}
}

func guardOf(t *testing.T, service types.ServiceConfig, receiver netip.Addr) *egress.Guard {
	t.Helper()
	values := maps.Clone(resolved(service))
	values["OPS_ADDR"] = ":0"
	settings, err := config.LoadDispatcher(values)
	require.NoError(t, err)
	return egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow, Resolver: names{"receiver": receiver}})
}

// names is the name server of the stack's network.
type names map[string]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return []netip.Addr{n[host]}, nil
}
