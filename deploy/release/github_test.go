package release_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

type workflow struct {
	Permissions map[string]string
	Jobs        map[string]job
}

type job struct {
	TimeoutMinutes int `yaml:"timeout-minutes"`
	Permissions    map[string]string
	Steps          []step
}

type step struct {
	Uses, Run string
	With      map[string]string
}

// decode reads a YAML file of .github. A key that appears twice in one mapping is an error.
func decode(t *testing.T, path string, into any) (text string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, ".github", path))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, into), path)
	return string(content)
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github/workflows/*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := map[string]workflow{}
	for _, path := range paths {
		var w workflow
		decode(t, "workflows/"+filepath.Base(path), &w)
		require.NotEmpty(t, w.Jobs, path)
		all[filepath.Base(path)] = w
	}
	return all
}

func TestWorkflowsPinActionsByCommit(t *testing.T) {
	pinned := regexp.MustCompile(`(?m)^\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	uses := regexp.MustCompile(`(?m)\buses:`)
	for name := range workflows(t) {
		text := decode(t, "workflows/"+name, &workflow{})
		assert.NotEmpty(t, uses.FindAllString(text, -1), name)
		assert.Len(t, pinned.FindAllString(text, -1), len(uses.FindAllString(text, -1)), "%s: name the commit, and the version in a comment", name)
	}
}

func TestWorkflowsReadOnlyUnlessAJobSaysOtherwise(t *testing.T) {
	for name, w := range workflows(t) {
		assert.Equal(t, map[string]string{"contents": "read"}, w.Permissions, name)
		for id, j := range w.Jobs {
			assert.Positive(t, j.TimeoutMinutes, "%s, %s", name, id)
			for _, s := range j.Steps {
				if strings.HasPrefix(s.Uses, "actions/checkout@") {
					assert.Equal(t, "false", s.With["persist-credentials"], "%s, %s", name, id)
				}
				assert.NotRegexp(t, `\$\{\{`, s.Run, "%s, %s: pass it by the environment, so that no shell parses it", name, id)
			}
		}
	}
}

// The commands are those that developers run: scripts and targets of the Makefile.
func TestWorkflowsRunWhatExists(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	var ran []string
	for name, w := range workflows(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				ran = append(ran, s.Run)
				for _, target := range regexp.MustCompile(`\bmake ([a-z]+)`).FindAllStringSubmatch(s.Run, -1) {
					assert.Regexp(t, `(?m)^`+target[1]+`:`, string(makefile), name)
				}
				for _, file := range regexp.MustCompile(`(?:^|\s)((?:\.ci|deploy)/\S+)`).FindAllStringSubmatch(s.Run, -1) {
					assert.FileExists(t, filepath.Join(root, file[1]), name)
				}
			}
		}
	}
	assert.Contains(t, ran, ".ci/run")
}

func TestDependabotWatchesEveryModule(t *testing.T) {
	var config struct {
		Version int
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	decode(t, "dependabot.yml", &config)
	assert.Equal(t, 2, config.Version)
	watched := map[string][]string{}
	for _, update := range config.Updates {
		directories := update.Directories
		if update.Directory != "" {
			directories = append(directories, update.Directory)
		}
		for _, directory := range directories {
			assert.DirExists(t, filepath.Join(root, directory))
		}
		watched[update.Ecosystem] = append(watched[update.Ecosystem], directories...)
	}
	var modules []string
	for _, pattern := range []string{"*/go.mod", "*/*/testdata/*/go.mod"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		modules = append(modules, found...)
	}
	require.NotEmpty(t, modules)
	for _, module := range modules {
		directory := strings.TrimPrefix(filepath.Dir(module), root)
		assert.True(t, slices.Contains(watched["gomod"], directory), "dependabot.yml does not watch %s", directory)
	}
	for ecosystem, directory := range map[string]string{"github-actions": "/", "docker": "/deploy/docker", "docker-compose": "/"} {
		assert.Contains(t, watched[ecosystem], directory, ecosystem)
	}
}

func TestIssueFormsAreComplete(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, ".github/ISSUE_TEMPLATE/*.yml"))
	require.NoError(t, err)
	forms := 0
	for _, path := range paths {
		var form struct {
			Name, Description string
			Body              []struct {
				Type, ID    string
				Attributes  map[string]any
				Validations map[string]bool
			}
		}
		decode(t, "ISSUE_TEMPLATE/"+filepath.Base(path), &form)
		if filepath.Base(path) == "config.yml" {
			continue
		}
		forms++
		assert.NotEmpty(t, form.Name, path)
		assert.NotEmpty(t, form.Description, path)
		ids := map[string]bool{}
		for _, field := range form.Body {
			if field.Type == "markdown" {
				assert.NotEmpty(t, field.Attributes["value"], path)
				continue
			}
			assert.Contains(t, []string{"textarea", "input", "dropdown", "checkboxes"}, field.Type, path)
			assert.NotEmpty(t, field.Attributes["label"], "%s, %s", path, field.ID)
			assert.False(t, field.ID == "" || ids[field.ID], "%s: %q is no ID of its own", path, field.ID)
			ids[field.ID] = true
		}
	}
	assert.Positive(t, forms)
}

func TestCodeOwnersNameWhatExists(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, ".github/CODEOWNERS"))
	require.NoError(t, err)
	patterns := 0
	for line := range strings.Lines(string(content)) {
		pattern, owners, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		patterns++
		assert.Regexp(t, `^(\s*@[\w-]+/[\w-]+)+$`, owners, pattern)
		if found, err := filepath.Glob(filepath.Join(root, pattern)); assert.NoError(t, err) {
			assert.NotEmpty(t, found, "CODEOWNERS: nothing is at %s", pattern)
		}
	}
	assert.Greater(t, patterns, 1)
}
