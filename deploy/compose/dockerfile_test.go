package compose_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instruction is one instruction of a Dockerfile. Its flags (--name=value) precede the other arguments.
type instruction struct {
	name  string
	flags map[string]string
	rest  string
}

// stage is a build stage, which begins with a FROM.
type stage struct {
	name, from   string
	instructions []instruction
}

// stages parses the part of the format that the file uses.
func stages(t *testing.T, file string) map[string]stage {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	all := make(map[string]stage)
	arguments := make(map[string]string) // those before the first stage, which FROM may name
	var current stage
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		read := parse(line)
		switch {
		case read.name == "FROM":
			words := strings.Fields(read.rest)
			require.Len(t, words, 3, "every stage has a name: %s", line)
			current = stage{name: words[2], from: os.Expand(words[0], func(name string) string { return arguments[name] })}
		case current.name == "":
			require.Equal(t, "ARG", read.name, line)
			name, value, _ := strings.Cut(read.rest, "=")
			arguments[name] = value
			continue
		default:
			current.instructions = append(current.instructions, read)
		}
		all[current.name] = current
	}
	return all
}

func parse(line string) instruction {
	name, rest, _ := strings.Cut(line, " ")
	read := instruction{name: name, flags: make(map[string]string)}
	for rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "--"); rest = strings.TrimSpace(rest) {
		var flag string
		flag, rest, _ = strings.Cut(rest, " ")
		key, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		read.flags[key] = value
	}
	read.rest = rest
	return read
}

// find returns the last instruction of that name that is in effect in the stage.
func find(all map[string]stage, name, instructionName string) string {
	for in, found := all[name]; found; in, found = all[in.from] {
		for i := len(in.instructions) - 1; i >= 0; i-- {
			if in.instructions[i].name == instructionName {
				return in.instructions[i].rest
			}
		}
	}
	return ""
}

const dockerfile = repository + "/deploy/docker/Dockerfile"

func TestImagesStartTheirProgramWithoutPrivileges(t *testing.T) {
	all := stages(t, dockerfile)
	for name, service := range demo(t).Services {
		if service.Build == nil {
			continue
		}
		assert.Equal(t, repository+"/"+service.Build.Dockerfile, dockerfile, name)
		assert.DirExists(t, service.Build.Context, name)
		require.Contains(t, all, service.Build.Target, name)
		assert.Equal(t, fmt.Sprintf("[%q]", ours[name]), find(all, service.Build.Target, "ENTRYPOINT"), name)
		assert.Equal(t, service.User, find(all, service.Build.Target, "USER"), name)
		assert.Equal(t, "scratch", base(all, service.Build.Target), name)
		assert.Contains(t, find(all, service.Build.Target, "LABEL"), `org.opencontainers.image.version="$VERSION"`, name)
	}
}

// The image has its own toolchain, and must not download a newer one.
func TestBuilderIsNewEnough(t *testing.T) {
	image := base(stages(t, dockerfile), "modules")
	has, found := strings.CutPrefix(image, "golang:")
	require.True(t, found, image)
	has, _, _ = strings.Cut(has, "-")
	for _, file := range []string{"go.work", "pkg/go.mod", "api-service/go.mod", "dispatcher-service/go.mod", "deploy/go.mod"} {
		text, err := os.ReadFile(repository + "/" + file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if needs, found := strings.CutPrefix(line, "go "); found {
				assert.GreaterOrEqual(t, minor(t, has), minor(t, needs), file)
			}
		}
	}
}

func minor(t *testing.T, version string) (minor int) {
	t.Helper()
	_, err := fmt.Sscanf(version, "1.%d", &minor)
	require.NoError(t, err, version)
	return minor
}

func base(all map[string]stage, name string) string {
	for in, found := all[name]; found; in, found = all[name] {
		name = in.from
	}
	return name
}
