package compose_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// builder builds images as a container engine does, from the files in the build's context only. The file system of each stage is a
// directory. Base images are empty, and their tools are those of this machine.
type builder struct {
	t         *testing.T
	dir       string
	stages    map[string]stage
	arguments map[string]string
	ignored   *patternmatcher.PatternMatcher
	built     map[string]*image
}

// image is a built stage.
type image struct {
	root      string
	workDir   string
	variables map[string]string
}

func newBuilder(t *testing.T, dir string, config *types.BuildConfig) *builder {
	t.Helper()
	file, err := os.Open(filepath.Join(config.Context, ".dockerignore"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	patterns, err := ignorefile.ReadAll(file)
	require.NoError(t, err)
	ignored, err := patternmatcher.New(patterns)
	require.NoError(t, err)

	arguments := map[string]string{"TARGETOS": runtime.GOOS, "TARGETARCH": runtime.GOARCH}
	for name, value := range config.Args {
		if value != nil {
			arguments[name] = *value
		}
	}
	return &builder{
		t: t, dir: dir, stages: stages(t, filepath.Join(config.Context, config.Dockerfile)),
		arguments: arguments, ignored: ignored, built: make(map[string]*image),
	}
}

func (b *builder) build(name string) *image {
	b.t.Helper()
	if built := b.built[name]; built != nil {
		return built
	}
	from, found := b.stages[name]
	if !found {
		return &image{workDir: "/", variables: map[string]string{}}
	}
	parent := b.build(from.from)
	made := &image{root: filepath.Join(b.dir, name), workDir: parent.workDir, variables: maps.Clone(parent.variables)}
	require.NoError(b.t, os.Mkdir(made.root, 0o755))
	if parent.root != "" {
		require.NoError(b.t, os.CopyFS(made.root, os.DirFS(parent.root)))
	}
	for _, step := range from.instructions {
		b.step(made, step)
	}
	b.built[name] = made
	return made
}

func (b *builder) step(in *image, step instruction) {
	b.t.Helper()
	switch step.name {
	case "WORKDIR":
		in.workDir = step.rest
		require.NoError(b.t, os.MkdirAll(filepath.Join(in.root, in.workDir), 0o755))
	case "ENV":
		for name, value := range words(b.t, step.rest) {
			in.variables[name] = value
		}
	case "ARG":
		name, value, _ := strings.Cut(step.rest, "=")
		if given, found := b.arguments[name]; found {
			value = given
		}
		in.variables[name] = value
	case "COPY":
		paths := strings.Fields(step.rest)
		for _, source := range paths[:len(paths)-1] {
			b.copy(in, step.flags["from"], source, paths[len(paths)-1])
		}
	case "RUN":
		b.run(in, step.rest)
	}
}

// words splits a line into words with a shell, because it may contain quotes.
func words(t *testing.T, text string) map[string]string {
	t.Helper()
	cmd := exec.Command("sh", "-c", "env -i "+text+" env")
	listed, err := cmd.Output()
	require.NoError(t, err, text)
	values := make(map[string]string)
	for line := range strings.Lines(string(listed)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	return values
}

func (b *builder) run(in *image, command string) {
	b.t.Helper()
	if strings.Contains(command, "go mod download") {
		return // this instruction only fills the cache of a layer; the build downloads missing modules itself
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = filepath.Join(in.root, in.workDir)
	cmd.Env = os.Environ() // the caches of this machine
	for name, value := range in.variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	require.NoError(b.t, err, "%s\n%s", command, said)
}

func (b *builder) copy(in *image, from, source, target string) {
	b.t.Helper()
	if !filepath.IsAbs(target) {
		target = filepath.Join(in.workDir, target) + strings.Repeat("/", strings.Count(target[len(target)-1:], "/"))
	}
	target = in.root + target
	if from != "" {
		made := b.build(from)
		if strings.HasPrefix(source, "/etc/") {
			return // of the base image
		}
		require.NoError(b.t, copyFile(filepath.Join(made.root, source), filepath.Join(target, filepath.Base(source))))
		return
	}
	info, err := os.Stat(filepath.Join(repository, source))
	require.NoError(b.t, err)
	if !info.IsDir() {
		require.Contains(b.t, b.context(source), source)
		require.NoError(b.t, copyFile(filepath.Join(repository, source), filepath.Join(target, filepath.Base(source))))
		return
	}
	files := b.context(source)
	require.NotEmpty(b.t, files, "%s is not in the context", source)
	for _, file := range files {
		inside, err := filepath.Rel(source, file)
		require.NoError(b.t, err)
		require.NoError(b.t, copyFile(filepath.Join(repository, file), filepath.Join(target, inside)))
	}
}

// context lists the files at or below the path that are sent to the engine.
func (b *builder) context(path string) (files []string) {
	b.t.Helper()
	err := filepath.WalkDir(filepath.Join(repository, path), func(found string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		inside, err := filepath.Rel(repository, found)
		if err != nil {
			return err
		}
		ignored, err := b.ignored.MatchesOrParentMatches(inside)
		if !ignored {
			files = append(files, inside)
		}
		return err
	})
	require.NoError(b.t, err)
	return files
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode())
}

var images struct {
	once  sync.Once
	dir   string // removed by TestMain
	built bool
}

// programs are the built programs by their paths in the images. They are built once for all tests.
func programs(t *testing.T, composed *types.Project) map[string]string {
	t.Helper()
	images.once.Do(func() {
		dir, err := os.MkdirTemp("", "redrive-images-")
		require.NoError(t, err)
		images.dir = dir
		built := newBuilder(t, dir, composed.Services["api-service"].Build)
		for _, name := range slices.Sorted(maps.Keys(composed.Services)) {
			if build := composed.Services[name].Build; build != nil {
				built.build(build.Target)
			}
		}
		images.built = true
	})
	require.True(t, images.built, "the images could not be built")
	paths := make(map[string]string)
	for _, program := range ours {
		paths[program] = filepath.Join(images.dir, filepath.Base(program), program)
	}
	return paths
}

func TestImagesUseBuildContextOnly(t *testing.T) {
	for name, path := range programs(t, demo(t)) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.True(t, info.Mode()&0o111 == 0o111, "%s can be run by every user", name)
		if name == "/receiver" {
			continue // it prints no version
		}
		said, err := exec.Command(path, "--version").Output()
		require.NoError(t, err)
		assert.Equal(t, version+"\n", string(said), name)
	}
}

func TestSecretsAndTestsStayOutOfTheContext(t *testing.T) {
	ignores := newBuilder(t, t.TempDir(), demo(t).Services["api-service"].Build).ignored
	for _, path := range []string{".env", ".git/config", ".local/api-key", "bin/api-service", "pkg/config/config_test.go", "deploy/e2e/doc.go"} {
		ignored, err := ignores.MatchesOrParentMatches(path)
		require.NoError(t, err)
		assert.True(t, ignored, path)
	}
}
