package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack/process"
)

const (
	architecture = "deploy/docs/architecture.md"
	// maxFunctions and maxFiles bound the number of functions and files that a reader opens to follow one delivery from its publication
	// through a failure and a retry to its success.
	maxFunctions = 30
	maxFiles     = 20
)

// named is a function that the page names, as a link to its file: [Receiver.Name](file).
type named struct{ name, file string }

var functionLink = regexp.MustCompile(`\[([A-Za-z]+(?:\.[A-Za-z]+)?)\]\((\.\./\.\./[^)#]+\.go)\)`)

// functionsIn returns the functions that a text names, each once.
func functionsIn(text string) []named {
	var all []named
	seen := map[named]bool{}
	for _, match := range functionLink.FindAllStringSubmatch(text, -1) {
		n := named{match[1], filepath.Join(filepath.Dir(architecture), match[2])}
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}

// section returns the text below a heading of the second or third level, up to the next heading of that level or above.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	level, _, _ := strings.Cut(heading, " ")
	_, after, found := strings.Cut(text, "\n"+heading+"\n")
	require.True(t, found, "%s has no heading %q", architecture, heading)
	end := regexp.MustCompile(`(?m)^#{2,` + fmt.Sprint(len(level)) + `} `).FindStringIndex(after)
	if end == nil {
		return after
	}
	return after[:end[0]]
}

// runWithoutDetector runs the test in a process that is built like the services. The analysis is one goroutine over all of the code, which
// takes eight times as long with the race detector.
func runWithoutDetector(t *testing.T) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-run", "^"+t.Name()+"$", ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false -trimpath")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

func TestArchitectureNamesFunctionsThatTheServicesReach(t *testing.T) {
	t.Parallel()
	if process.RaceDetector {
		runWithoutDetector(t)
		return
	}
	program := loadServices(t)
	functions := functionsIn(read(t, architecture).prose)
	require.Greater(t, len(functions), maxFunctions)
	for _, n := range functions {
		if !program.declares(n) {
			assert.Fail(t, "architecture.md names a function that is not there", "%s in %s", n.name, n.file)
			continue
		}
		if program.isFunction(n) {
			assert.True(t, program.reaches(n), "no service reaches %s in %s", n.name, n.file)
		}
	}
}

func TestArchitectureWalkIsShort(t *testing.T) {
	t.Parallel()
	text := read(t, architecture).prose
	walk := functionsIn(section(t, text, "## The life of a delivery"))
	assert.LessOrEqual(t, len(walk), maxFunctions)
	assert.LessOrEqual(t, filesOf(walk), maxFiles)
	for _, row := range []struct{ label, heading string }{
		{"publish", "### Publish"},
		{"deliver", "### Deliver"},
		{"fail", "### Fail"},
		{"retry", "### Retry"},
		{"in all, each counted once", "## The life of a delivery"},
	} {
		functions := functionsIn(section(t, text, row.heading))
		counted := fmt.Sprintf(`\| %s \| [0-9–]+ \| %d \| %d \|`, row.label, len(functions), filesOf(functions))
		assert.True(t, regexp.MustCompile(counted).MatchString(text), "the table of functions and files: %s has %d in %d", row.label, len(functions), filesOf(functions))
	}
}

func filesOf(functions []named) int {
	files := map[string]bool{}
	for _, n := range functions {
		files[n.file] = true
	}
	return len(files)
}
