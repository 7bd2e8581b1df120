package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// actVariable makes the test program act as withservers.
const actVariable = "WITHSERVERS_ACT"

func TestMain(m *testing.M) {
	if os.Getenv(actVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// withservers prepares a run whose files end up in the directory returned.
func withservers(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	// Not t.TempDir, which only its owner can enter.
	temporary, err := os.MkdirTemp("", "withservers-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(temporary, 0o777))
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(temporary)) })

	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "TEST_DATABASE_URL=") })
	cmd.Env = append(cmd.Env, actVariable+"=1", "CGO_ENABLED=0", "TMPDIR="+temporary)
	cmd.Stderr = os.Stderr
	return cmd, temporary
}

func assertNothingLeft(t *testing.T, temporary string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestRunReturnsStatusOfCommand(t *testing.T) {
	t.Parallel()
	cmd, temporary := withservers(t, "--", "sh", "-c", `cat; echo "$TEST_DATABASE_URL cgo=$CGO_ENABLED"; ls "$TMPDIR"; exit 7`)
	cmd.Stdin = strings.NewReader("input\n")
	out, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 7, exit.ExitCode())
	assert.Regexp(t, `^input\npostgres://postgres@127\.0\.0\.1:\d+/postgres\?sslmode=disable cgo=\nredrive-postgres-\d+\nredrive-programs-\d+\n$`, string(out))
	assertNothingLeft(t, temporary)
}

func TestRunGivenServerIsUsed(t *testing.T) {
	t.Parallel()
	cmd, temporary := withservers(t, "sh", "-c", `echo "$TEST_DATABASE_URL"; ls -d "$TMPDIR"/*; echo "$TEST_PROGRAMS"`)
	cmd.Env = append(cmd.Env, "TEST_DATABASE_URL=postgres://given/db")
	out, err := cmd.Output()
	require.NoError(t, err)
	lines := strings.Split(string(out), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, "postgres://given/db", lines[0], "no server is started")
	assert.Equal(t, lines[1], lines[2], "the folder of the programs is all there is")
	assertNothingLeft(t, temporary)
}

func TestRunSignalReachesWholeCommand(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			// The inner process holds the output open, so that reading it ends with both. It is the one to say that it is ready,
			// because a shell that is interrupted just before it starts a program waits for that program's end first.
			cmd, temporary := withservers(t, "sh", "-c", `sh -c "echo ready; exec sleep 3600"; echo survived`)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewReader(out)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)

			require.NoError(t, cmd.Process.Signal(sig))
			rest, err := io.ReadAll(lines)
			require.NoError(t, err)
			assert.Empty(t, string(rest))
			_ = cmd.Wait()
			assert.Equal(t, 128+int(sig), cmd.ProcessState.ExitCode())
			assertNothingLeft(t, temporary)
		})
	}
}

func TestRunInvalidArgumentsExplains(t *testing.T) {
	t.Parallel()
	t.Run("no command", func(t *testing.T) {
		t.Parallel()
		cmd, _ := withservers(t, "--")
		var said bytes.Buffer
		cmd.Stderr = &said
		require.Error(t, cmd.Run())
		assert.Equal(t, 2, cmd.ProcessState.ExitCode())
		assert.Contains(t, said.String(), "usage:")
	})
	t.Run("no such command", func(t *testing.T) {
		t.Parallel()
		cmd, temporary := withservers(t, "no-such-command")
		var said bytes.Buffer
		cmd.Stderr = &said
		require.Error(t, cmd.Run())
		assert.Equal(t, 1, cmd.ProcessState.ExitCode())
		assert.Contains(t, said.String(), "no-such-command")
		assertNothingLeft(t, temporary)
	})
}
