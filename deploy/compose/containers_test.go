package compose_test

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ours are the services that run our programs, with the programs.
var ours = map[string]string{
	"migrate":            "/api-service",
	"api-service":        "/api-service",
	"dispatcher-service": "/dispatcher-service",
	"receiver":           "/receiver",
}

func TestReceiverRunsInDemoOnly(t *testing.T) {
	usual, shown := slices.Sorted(maps.Keys(project(t, environment(t)).Services)), slices.Sorted(maps.Keys(demo(t).Services))
	assert.Equal(t, []string{"api-service", "dispatcher-service", "migrate", "postgres", "proxy", "redis"}, usual)
	assert.ElementsMatch(t, append(usual, "receiver"), shown)
}

// A service that publishes a fixed port of the machine, or has a fixed name, cannot be scaled.
func TestComposePublishesTheProxyAloneAndOnLoopback(t *testing.T) {
	var published []string
	for name, service := range demo(t).Services {
		assert.Empty(t, service.ContainerName, name)
		assert.Empty(t, service.NetworkMode, name)
		for _, port := range service.Ports {
			published = append(published, name)
			assert.Equal(t, "127.0.0.1", port.HostIP, name)
			assert.NotEmpty(t, port.Published, "%s would be somewhere else after every start", name)
		}
	}
	assert.Equal(t, []string{"proxy"}, published)
}

// listening returns the port of an address, or the port itself.
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
		assert.Positive(t, service.MemLimit, "%s has a memory limit", name)
		assert.Positive(t, service.PidsLimit, "%s has a limit on processes", name)
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
		if name == "migrate" { // it ends
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
		"proxy":              {"api-service": types.ServiceConditionHealthy},
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
		if ours[name] == "" {
			assert.Regexp(t, regexp.MustCompile(`^[a-z/]+:[0-9]`), service.Image, name)
			continue
		}
		assert.Equal(t, types.PullPolicyNever, service.PullPolicy, name)
		assert.Equal(t, "redrive"+ours[name]+":"+version, service.Image, "the image of another version stays for a rollback")
	}
}

func TestDatabasesHaveTimeForTheirFirstStart(t *testing.T) {
	for _, name := range []string{"postgres", "redis"} {
		assert.GreaterOrEqual(t, time.Duration(*project(t, environment(t)).Services[name].HealthCheck.StartPeriod), 5*time.Minute, name)
	}
}

// On some engines a tmpfs takes the mode of the image's folder, and then only its owner can write to it.
func TestPostgresOwnsItsSocketFolder(t *testing.T) {
	service := project(t, environment(t)).Services["postgres"]
	uid, gid, found := strings.Cut(service.User, ":")
	require.True(t, found, service.User)
	assert.Contains(t, service.Tmpfs, "/var/run/postgresql:uid="+uid+",gid="+gid+",mode=1777")
}

func TestMountedFilesAreLabelledForSELinux(t *testing.T) {
	for _, services := range []types.Services{demo(t).Services, observed(t).Services} {
		for name, service := range services {
			for _, mount := range service.Volumes {
				if mount.Type == types.VolumeTypeBind {
					require.NotNil(t, mount.Bind, name)
					assert.Equal(t, "z", mount.Bind.SELinux, "%s: %s", name, mount.Source)
					assert.True(t, mount.ReadOnly, "%s: %s", name, mount.Source)
				}
			}
		}
	}
}
