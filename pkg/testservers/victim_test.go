package testservers

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// victimVariable makes the test program start servers and then end in the way that the value names.
const victimVariable = "TESTSERVERS_VICTIM"

// playVictim starts servers, prints their process IDs and directories, and ends without closing them.
func playVictim() {
	postgres, err := StartPostgres(PostgresOptions{})
	if err != nil {
		panic(err)
	}
	redis, err := StartRedis(RedisOptions{})
	if err != nil {
		panic(err)
	}
	for _, s := range []*server{&postgres.server, &redis.server} {
		fmt.Println(s.PID(), s.dir.path)
	}
	// The thread that started a server may end. The server must survive that, because its process lives.
	for range 50 {
		go runtime.LockOSThread()
	}
	time.Sleep(200 * time.Millisecond)
	if postgres.PID() == 0 || redis.PID() == 0 {
		fmt.Println("a server ended early")
	}
	switch os.Getenv(victimVariable) {
	case "exit":
		os.Exit(0)
	case "panic":
		panic("for the test")
	}
	fmt.Println("ready")
	select {}
}

func TestServersProcessKilledStops(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells children that their parent has died")
	}
	for _, end := range []string{"exit", "panic", "kill"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), victimVariable+"="+end)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())

			var pids []int
			var paths []string
			for lines := bufio.NewScanner(out); lines.Scan(); {
				var pid int
				var path string
				if _, err := fmt.Sscan(lines.Text(), &pid, &path); err == nil {
					family, err := descendants(pid)
					require.NoError(t, err)
					pids, paths = append(append(pids, pid), family...), append(paths, path)
					continue
				}
				if lines.Text() == "ready" {
					require.NoError(t, cmd.Process.Kill())
					continue
				}
				t.Errorf("the victim said: %s", lines.Text())
			}
			_ = cmd.Wait()
			require.Len(t, paths, 2)
			require.NoError(t, waitGone(pids, time.Minute))

			// The next sweep removes the directories once they are older than freshFor.
			for _, path := range paths {
				assert.DirExists(t, path)
				sweep(filepath.Dir(path), time.Now().Add(-time.Hour))
				assert.DirExists(t, path, "removed too early")
				long := time.Now().Add(-2 * time.Hour)
				require.NoError(t, os.Chtimes(path, long, long))
				// Another process may be removing it: every start of a server sweeps.
				assert.Eventually(t, func() bool {
					sweep(filepath.Dir(path), time.Now().Add(-time.Hour))
					_, err := os.Stat(path)
					return errors.Is(err, fs.ErrNotExist)
				}, time.Minute, 10*time.Millisecond, "abandoned and old, and still there")
			}
		})
	}
}

func TestSweepLiveServersAreKept(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	living, err := newDirectory("test", nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, living.remove()) }()
	foreign := filepath.Join(parent, directoryPrefix+"foreign")
	require.NoError(t, os.Mkdir(foreign, 0o755))

	sweep(parent, time.Now().Add(time.Hour))
	assert.DirExists(t, foreign, "it has no lock, so it is not one of ours")
	removeAbandoned(living.path)
	assert.DirExists(t, living.path)
	assert.True(t, strings.HasPrefix(filepath.Base(living.path), directoryPrefix+"test-"))
}
