package compose_test

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ours are the services that run our programs, and the programs.
var ours = map[string]string{
	"migrate":            "/api-service",
	"api-service":        "/api-service",
	"dispatcher-service": "/dispatcher-service",
	"receiver":           "/receiver",
}

func TestTheReceiverIsForTheDemoAlone(t *testing.T) {
	usual, shown := slices.Sorted(maps.Keys(project(t, environment(t)).Services)), slices.Sorted(maps.Keys(demo(t).Services))
	assert.Equal(t, []string{"api-service", "asynqmon", "dispatcher-service", "migrate", "postgres", "redis"}, usual)
	assert.ElementsMatch(t, append(usual, "receiver"), shown)
}

func TestOnlyTheAPIAndTheInspectorArePublishedAndOnLoopback(t *testing.T) {
	var published []string
	services := demo(t).Services
	for name, service := range services {
		assert.Empty(t, service.NetworkMode, name)
		for _, port := range service.Ports {
			published = append(published, name)
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
			assert.NotEmpty(t, port.Published, "%s would be somewhere else after every start", name)
			variable := map[string]string{"api-service": "API_ADDR", "asynqmon": "PORT"}[name]
			assert.Equal(t, listening(t, resolved(service)[variable]), port.Target, name)
		}
	}
	assert.ElementsMatch(t, []string{"api-service", "asynqmon"}, published)
	assert.Equal(t, "true", resolved(services["asynqmon"])["READ_ONLY"], "it asks for no password")
}

func listening(t *testing.T, addr string) uint32 {
	t.Helper()
	if _, port, err := net.SplitHostPort(addr); err == nil {
		addr = port
	}
	port, err := net.LookupPort("tcp", addr)
	require.NoError(t, err)
	return uint32(port)
}

func TestContainersAreLockedDown(t *testing.T) {
	for name, service := range demo(t).Services {
		assert.True(t, service.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, service.CapDrop, name)
		assert.Empty(t, service.CapAdd, name)
		assert.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		assert.False(t, service.Privileged, name)
		assert.NotEmpty(t, service.User, name)
		assert.NotRegexp(t, regexp.MustCompile(`^(root|0)(:|$)`), service.User, name)
		if ours[name] != "" {
			assert.Equal(t, "65532:65532", service.User, name)
		}
	}
}

func TestContainersComeBackExceptTheOneThatEnds(t *testing.T) {
	for name, service := range demo(t).Services {
		want := types.RestartPolicyUnlessStopped
		if name == "migrate" {
			want = types.RestartPolicyNo
		}
		assert.Equal(t, want, service.Restart, name)
	}
}

func TestHealthIsChecked(t *testing.T) {
	for name, service := range demo(t).Services {
		switch name {
		case "migrate", "asynqmon": // the one ends, the other's image has nothing to check with
			assert.Nil(t, service.HealthCheck, name)
			continue
		}
		require.NotNil(t, service.HealthCheck, name)
		if program := ours[name]; program != "" {
			assert.Equal(t, types.HealthCheckTest{"CMD", program, "healthcheck"}, service.HealthCheck.Test, "%s has no shell", name)
		}
		assert.NotNil(t, service.HealthCheck.Timeout, name)
	}
}

func TestServicesWaitForWhatTheyNeed(t *testing.T) {
	ready := map[string]string{"migrate": types.ServiceConditionCompletedSuccessfully, "redis": types.ServiceConditionHealthy}
	want := map[string]map[string]string{
		"migrate":            {"postgres": types.ServiceConditionHealthy},
		"api-service":        ready,
		"dispatcher-service": ready,
		"asynqmon":           {"redis": types.ServiceConditionHealthy},
	}
	for name, service := range demo(t).Services {
		got := make(map[string]string)
		for dependency, how := range service.DependsOn {
			got[dependency] = how.Condition
		}
		assert.Equal(t, len(want[name]), len(got), name)
		assert.Subset(t, got, want[name], name)
	}
}

func TestDataIsInNamedVolumes(t *testing.T) {
	composed := demo(t)
	for name, target := range map[string]string{"postgres": "/var/lib/postgresql/data", "redis": "/data"} {
		mounts := composed.Services[name].Volumes
		require.Len(t, mounts, 1, name)
		assert.Equal(t, types.VolumeTypeVolume, mounts[0].Type, name)
		assert.Equal(t, target, mounts[0].Target, name)
		assert.Contains(t, composed.Volumes, mounts[0].Source, name)
	}
}

func TestForeignImagesArePinnedAndOursAreNeverPulled(t *testing.T) {
	for name, service := range demo(t).Services {
		switch {
		case service.Build != nil:
			assert.Equal(t, types.PullPolicyBuild, service.PullPolicy, name)
		case ours[name] != "":
			assert.Equal(t, types.PullPolicyNever, service.PullPolicy, name)
		default:
			assert.Regexp(t, regexp.MustCompile(`^[a-z/]+:[0-9]`), service.Image, name)
		}
	}
}
